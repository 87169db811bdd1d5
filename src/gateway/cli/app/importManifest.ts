import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describeError, GatewayError } from '../../../base/errors.ts';
import { importCords } from '../../../process/manifest/cords/importCords.ts';
import { manifestIn } from '../../../process/manifest/parseManifest.ts';
import { type CommandContext, runCommand, writeJson } from '../context.ts';
import { withExamples, withJson } from '../options.ts';

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const details = { code: 'app.no-file', operation: 'import CORDS manifest', subject: file, cause: error };
    throw new GatewayError(`cannot be read: ${describeError(error)}`, { ...details, hint: 'name an XML file' });
  }
}

function refuseToOverwrite(manifestFile: string): void {
  if (!existsSync(manifestFile)) return;
  throw new GatewayError('is there already', {
    code: 'app.exists',
    operation: 'import CORDS manifest',
    subject: manifestFile,
    hint: 'name another folder with --out, or remove it',
  });
}

export function registerImport(app: Command, context: CommandContext): void {
  const command = app
    .command('import')
    .description('make an application.yaml of a CORDS manifest (XML); what has no place in it is named')
    .argument('<file>', 'CORDS manifest')
    .requiredOption('--out <folder>', 'folder of applications; the new one gets a folder of its own in it');
  withExamples(withJson(command), ['app import viewer.xml --out apps']);
  command.action((file: string, options: { out: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const { name, version, text, notes, left } = importCords(read(file), file);
      const folder = join(options.out, name);
      const manifestFile = manifestIn(folder);
      refuseToOverwrite(manifestFile);
      await mkdir(folder, { recursive: true });
      await writeFile(manifestFile, text, { flag: 'wx' });
      if (options.json) return writeJson(context, { ok: true, name, version, manifestFile, notes, left });
      for (const note of notes) context.writeError(`note: ${note}\n`);
      for (const one of left) context.writeError(`not taken over: ${one}\n`);
      context.write(`${manifestFile} written: ${name}@${version}\n`);
    }),
  );
}
