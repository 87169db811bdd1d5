/**
 * Quantifies one CT series: quantification.json and up to three key images. A data part in plain TypeScript, without
 * dependencies; the contract: instances below MEDUSA_INPUT, results below MEDUSA_OUTPUT, result.json last.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotASlice, readSlice } from './dicom.ts';
import { keySlices, measure } from './measure.ts';
import { greyPng } from './png.ts';

const { MEDUSA_INPUT: input = 'input', MEDUSA_OUTPUT: output = 'output' } = process.env;

function main(): void {
  const files = readdirSync(input).filter((name) => name.endsWith('.dcm'));
  const slices = files.map((file) => readSlice(join(input, file), file));
  const { ordered, perSlice, figures } = measure(slices);
  const keys = keySlices(perSlice);
  writeFileSync(join(output, 'quantification.json'), `${JSON.stringify({ ...figures, perSlice, keys }, null, 2)}\n`);
  const results = [{ path: 'quantification.json', contentType: 'application/json', from: files }];
  for (const { why, index } of keys) {
    const slice = ordered[index];
    if (slice === undefined) continue;
    const path = `key-${why}.png`;
    writeFileSync(join(output, path), greyPng(slice, { center: 40, width: 400 }));
    results.push({ path, contentType: 'image/png', from: [slice.file] });
  }
  const { histogram: _, ...measurements } = figures;
  const summary = `${figures.bodyVolumeMl} ml of body in ${figures.slices} slices`;
  const result = { format: 'medusa.result/1', files: results, measurements, summary };
  writeFileSync(join(output, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof NotASlice)) throw error;
  process.stderr.write(`the series cannot be measured: ${error.message}\n`);
  process.exitCode = 1;
}
