/** The way of README.md, "Use it", from an empty directory to the first image: its very lines, DCMTK as the sender. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tinyStudy, writeStudy } from '../../synthetic/index.ts';
import { runInProcess } from '../gateway/cli/inProcess.ts';
import { dcmtkMissing, echoscu, storescu } from '../support/dcmtkPeers.ts';
import { GatewayProcess } from '../support/gatewayProcess.ts';

const missing = dcmtkMissing();
if (missing) console.warn(`the first sender: skipped, ${missing}`);
const project = fileURLToPath(new URL('../../', import.meta.url));

let site: string;
let gateway: GatewayProcess | undefined;
beforeEach(() => {
  site = mkdtempSync(join(tmpdir(), 'medusa-first-'));
});
afterEach(async () => {
  if (gateway?.running) await gateway.kill();
  rmSync(site, { recursive: true, force: true, maxRetries: 5 });
});

/** The lines of the first block, as typed: command and words, without comments; `var/site` is the test's folder. */
function steps(): string[][] {
  const [, section = ''] = readFileSync(`${project}README.md`, 'utf8').split('## Use it');
  const [, block = ''] = section.split('```');
  const lines = block.replaceAll('var/site', site).split('\n');
  return lines
    .map((line) =>
      line
        .replace(/\s*#.*/, '')
        .trim()
        .split(' '),
    )
    .filter(([word]) => word !== '');
}

const sent = () =>
  readdirSync(join(site, 'objects'), { recursive: true }).filter((name) => /\.dcm$/.test(String(name)));

test.skipIf(missing)('the lines of README.md lead from the example to the first image', async () => {
  const done: string[] = [];
  const own = {
    keyFile: join(site, 'ct1.key'),
    certificateFile: join(site, 'ct1.pem'),
    caFile: join(site, 'trust.pem'),
  };
  const subject = ['-subj', '/CN=ct1', '-days', '2'];
  const files = ['-keyout', own.keyFile, '-out', own.certificateFile];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject], { stdio: 'pipe' });
  let target = { port: 0, called: 'MEDUSA', calling: 'CT1', tls: own };
  for (const [program, ...words] of steps()) {
    if (program === 'mkdir') {
      const text = readFileSync(`${project}${words[4]}`, 'utf8');
      const free = 'api: { enabled: false }\nspool: { quota: 64MiB, segmentSize: 4MiB, reserve: 0 }\n';
      writeFileSync(`${words[5]}`, `${text.replace('port: 2762', 'port: 0').replace('0.0.0.0', '127.0.0.1')}${free}`);
      continue;
    }
    expect(program).toBe('bin/medusa-gateway');
    const [command = '', verb = ''] = words;
    if (command === 'run') {
      const config = `${words[2]}`;
      gateway = new GatewayProcess({ config, stateDirectory: join(site, 'state'), log: join(site, 'log') });
      const { listeners } = await gateway.ready();
      target = { ...target, port: Number(listeners[0]?.address.split(':').at(-1)) };
    } else {
      if (verb === 'list') expect((await echoscu(target)).ok).toBe(false); // "now have the sender call"
      const redirected = words.indexOf('>');
      const args = redirected < 0 ? words : words.slice(0, redirected);
      const { code, out, err } = await runInProcess(args);
      expect([args, code, err]).toEqual([args, 0, '']);
      if (redirected >= 0) writeFileSync(`${words[redirected + 1]}`, out);
      if (verb === 'list') expect(out).toContain(`medusa-gateway peers add --knock 1 --config ${args.at(-1)}`);
    }
    done.push(command.startsWith('-') ? command : `${command} ${verb.startsWith('-') ? '' : verb}`.trim());
  }
  expect(done).toEqual(['identity init', 'identity show', 'check', 'run', 'peers learn', 'peers list', 'peers add']);
  expect((await echoscu(target)).ok).toBe(true);
  const study = join(site, 'study');
  writeStudy(study, tinyStudy({ instances: 2, seed: 3 }));
  expect(await storescu(target, ['+sd', '+r', study])).toMatchObject({ ok: true });
  await expect.poll(() => sent().length, { timeout: 30_000 }).toBe(2);
});
