/**
 * Runs a page of docs/senders as its reader would: configuration blocks are put where they belong, commands are run one after
 * another in one folder. Only names and places are changed: hosts to this machine, ports to free ones, folders to one of the
 * test.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Outcome, run } from '../interop/programs.ts';
import { writeSamples } from '../interop/samples.ts';
import { isListening } from '../support/listening.ts';
import { loopbackEnvironment } from '../support/nativeBuild.ts';
import { freePorts, type ServerProcess, startServer, waitUntil } from '../support/serverProcess.ts';

export type Block = { language: string; text: string };
type Entry = { aeTitle?: string };
type Settings = Record<string, unknown> & { peers?: Entry[] };

const root = fileURLToPath(new URL('../../', import.meta.url));

export const pageText = (name: string) => readFileSync(join(root, 'docs/senders', `${name}.md`), 'utf8');

export const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^```([a-z]+)\n([\s\S]*?)^```$/gm)].map(([, language = '', content = '']) => ({
    language,
    text: content,
  }));

/** Ports that the pages name: of the gateway, and of Orthanc. */
const pagePorts = ['2762', '11112', '4242', '8042'];

/** A peer of the page is added to what the configuration has of it; everything else takes the place of what was there. */
function merged(before: Settings, more: Settings): Settings {
  const { peers = [], ...rest } = more;
  const known = before.peers ?? [];
  const others = peers.filter(({ aeTitle }) => !known.some((peer) => peer.aeTitle === aeTitle));
  const widened = known.map((peer) => ({ ...peer, ...peers.find(({ aeTitle }) => aeTitle === peer.aeTitle) }));
  return { ...before, ...rest, peers: [...widened, ...others] };
}

export class SenderPage {
  readonly directory = mkdtempSync(join(tmpdir(), 'sender-'));
  readonly #ports = new Map<string, string>();
  readonly #servers: ServerProcess[] = [];
  /** What the commands printed, in order. */
  readonly outputs: string[] = [];

  async open(): Promise<void> {
    const free = await freePorts(pagePorts.length);
    pagePorts.forEach((port, i) => {
      this.#ports.set(port, String(free[i]));
    });
    mkdirSync(join(this.directory, 'store'));
    const base = {
      site: 'page',
      stateDirectory: join(this.directory, 'state'),
      stores: [{ name: 'store', type: 'directory', path: join(this.directory, 'store') }],
      routes: [{ name: 'everything', store: 'store' }],
      api: { enabled: false },
      spool: { quota: '64MiB', segmentSize: '4MiB', preallocate: 1, reserve: 0 },
    };
    writeFileSync(this.#path('gateway.yaml'), stringify(base));
    const [explicit] = writeSamples(this.directory);
    if (explicit) copyFileSync(explicit.path, this.#path('image.dcm'));
  }

  async close(): Promise<void> {
    for (const server of this.#servers.reverse()) await server.stop({ graceMs: 20_000 });
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs every block; throws with what a command printed when one fails. */
  async runAll(text: string): Promise<void> {
    for (const block of blocksOf(text)) {
      if (block.language === 'yaml') this.#configure(block.text);
      else if (block.language === 'json') this.#configureOrthanc(block.text);
      else await this.#runCommands(block.text);
    }
  }

  /** The commands as on the page, with the names and places of the test. */
  command(text: string): Promise<Outcome> {
    const path = `${join(root, 'bin')}:${process.env.PATH ?? ''}`;
    return run('bash', ['-euo', 'pipefail', '-c', `cd ${this.directory}\n${this.#here(text)}`], {
      env: { PATH: path },
    });
  }

  log(): string {
    return readFileSync(this.#path('gateway.log'), 'utf8');
  }

  readonly #path = (name: string) => join(this.directory, name);

  #here(text: string): string {
    const places = text
      .replaceAll(/gateway\.example\.org|10\.1\.5\.30|0\.0\.0\.0|localhost/g, '127.0.0.1')
      .replaceAll('/var/lib/medusa-gateway', this.#path('state'))
      .replaceAll('/etc/orthanc', this.directory);
    return places.replaceAll(/\b\d{4,5}\b/g, (number) => this.#ports.get(number) ?? number);
  }

  #configure(text: string): void {
    const file = this.#path('gateway.yaml');
    writeFileSync(file, stringify(merged(parse(readFileSync(file, 'utf8')), parse(this.#here(text)))));
  }

  #configureOrthanc(text: string): void {
    const storage = { StorageDirectory: this.#path('storage'), IndexDirectory: this.#path('index'), Plugins: [] };
    const here = {
      HttpPort: Number(this.#ports.get('8042')),
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
    };
    writeFileSync(this.#path('orthanc.json'), JSON.stringify({ ...JSON.parse(this.#here(text)), ...storage, ...here }));
  }

  async #runCommands(text: string): Promise<void> {
    const commands: string[] = [];
    for (const line of text.split('\n')) {
      if (!/^(medusa-gateway run|Orthanc) /.test(line)) commands.push(line);
      else {
        await this.#runScript(commands.splice(0).join('\n'));
        await this.#startServer(line);
      }
    }
    await this.#runScript(commands.join('\n'));
  }

  async #runScript(text: string): Promise<void> {
    if (text.trim() === '') return;
    const { status, output } = await this.command(text);
    this.outputs.push(output);
    if (status !== 0)
      throw new Error(`exit ${status}:\n${text}\n${output}\n${this.#servers.map((one) => one.output())}`);
  }

  async #startServer(line: string): Promise<void> {
    const [program = '', ...args] = this.#here(line).split(' ');
    const isGateway = program === 'medusa-gateway';
    const files = args.map((arg) => (arg === 'gateway.yaml' ? this.#path(arg) : arg));
    const logFile = this.#path(isGateway ? 'gateway.log' : 'orthanc.log');
    const path = isGateway ? join(root, 'bin', program) : program;
    const server = startServer(path, files, { logFile, env: isGateway ? {} : loopbackEnvironment() });
    this.#servers.push(server);
    const port = Number(this.#ports.get(isGateway ? '2762' : '8042'));
    await waitUntil(program, async () => isListening(port), { explain: server.output });
  }
}
