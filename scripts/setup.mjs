/**
 * Makes a fresh clone ready, on whatever Node the machine has (20 or later). Run again it does nothing, quickly.
 *   node scripts/setup.mjs            the npm packages of package-lock.json
 *   node scripts/setup.mjs --debian   and, as root, the Debian packages that the tests against real peers need
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (...names) => join(root, ...names);
const say = (text) => console.log(`setup: ${text}`);

function stop(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) console.error(`setup: ${command}: ${error.message}`);
  return status === 0;
}

function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The packages of a lock file by their folder, without the project itself. */
function lockedPackages(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.entries(packages).filter(([folder]) => folder !== '');
}

/**
 * Whether node_modules is what package-lock.json says, by the record that npm writes there as its last act: an install
 * that was broken off has none. Optional packages may be missing, they are for other machines.
 */
function isUpToDate() {
  const record = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(record) || !existsSync(inRoot('node_modules', '.bin', 'node'))) return false;
  const installed = new Map(lockedPackages(record));
  const wanted = lockedPackages(inRoot('package-lock.json'));
  const folders = new Set(wanted.map(([folder]) => folder));
  if ([...installed.keys()].some((folder) => !folders.has(folder))) return false;
  return wanted.every(([folder, { version, integrity, optional }]) => {
    const has = installed.get(folder);
    return has === undefined ? optional === true : has.version === version && has.integrity === integrity;
  });
}

function setUpNodeModules() {
  if (isUpToDate()) return;
  say(
    `${existsSync(inRoot('node_modules')) ? 'node_modules is not what package-lock.json says' : 'first run'}: npm ci`,
  );
  if (!run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'])) {
    stop('npm ci failed. It needs the npm registry, or a mirror named in ~/.npmrc; see the lines above.');
  }
}

/** @returns {{name: string, suites: string}[]} `name   # what is skipped without it` a line. */
function debianPackages() {
  const file = inRoot('scripts', 'debian-packages.txt');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => {
      const [name = '', suites = ''] = line.split('#', 2).map((part) => part.trim());
      return { name, suites };
    })
    .filter(({ name }) => name !== '');
}

/** @returns {Set<string>} names of all installed packages */
function installedPackages() {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n'], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line.startsWith('installed '));
  return new Set(lines.map((line) => line.slice('installed '.length)));
}

function sayWhatIsSkipped(packages, why) {
  say(`${why}: tests that need these Debian packages are skipped:`);
  for (const { name, suites } of packages) say(`  ${name}${suites === '' ? '' : ` (${suites})`}`);
}

const policyFile = '/usr/sbin/policy-rc.d';
const policy = '#!/bin/sh\n# Written by the set-up of medusa-edge-gateway for the time of an installation.\nexit 101\n';

/** invoke-rc.d(8): exit status 101 of this file forbids that a package starts its service. */
function withoutStartingServices(work) {
  // One that is there already is somebody's own will, unless a set-up that was killed left it behind.
  const ours = !existsSync(policyFile) || readFileSync(policyFile, 'utf8') === policy;
  if (ours) writeFileSync(policyFile, policy, { mode: 0o755 });
  try {
    return work();
  } finally {
    if (ours) rmSync(policyFile, { force: true });
  }
}

/** What packages have enabled for the next boot: the tests start their servers themselves. */
function disableServices(packages) {
  if (packages.length === 0 || !onPath('systemctl')) return;
  const { stdout } = spawnSync('dpkg-query', ['-L', ...packages], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const units =
    stdout.match(/(?<=^(?:\/usr)?\/lib\/systemd\/system\/)[^/@\n]+\.(?:service|socket|timer|target|path)$/gm) ?? [];
  if (units.length > 0) spawnSync('systemctl', ['disable', '--quiet', ...new Set(units)], { stdio: 'ignore' });
}

function install(names) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '--no-install-recommends'];
  const attempt = () => run('apt-get', ['install', ...options, ...names], env);
  const before = installedPackages();
  const done = withoutStartingServices(() => {
    const known = names.every((name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0);
    if (known && attempt()) return true;
    say('fetching the list of Debian packages (apt-get update)');
    return run('apt-get', ['update', '-qq'], env) && attempt();
  });
  disableServices([...installedPackages()].filter((name) => !before.has(name)));
  return done;
}

function setUpDebianPackages() {
  const packages = debianPackages();
  if (packages.length === 0) return;
  if (!onPath('dpkg-query') || !onPath('apt-get')) return sayWhatIsSkipped(packages, 'this is no Debian system');
  const missingNow = () => {
    const installed = installedPackages();
    return packages.filter(({ name }) => !installed.has(name));
  };
  const missing = missingNow();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) return sayWhatIsSkipped(missing, 'not root');
  const names = missing.map(({ name }) => name);
  say(`installing Debian packages: ${names.join(' ')}`);
  if (!install(names)) sayWhatIsSkipped(missingNow(), 'apt-get failed');
}

// Handled, signals wait until the work at hand has tidied up after itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

setUpNodeModules();
if (process.argv.includes('--debian')) setUpDebianPackages();
