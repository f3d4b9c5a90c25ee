// Debian's packages: installing them on the machine, and fetching some of a later release into a folder of
// the project, by a private apt state, so that the machine's own package sources stay as they are.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { TOOLCHAIN } from './paths.mjs';
import { CommandError, probe, run, UserError } from './steps.mjs';

const SOURCES = '/etc/apt/sources.list.d';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';

/** 12 on Debian 12, undefined on any other system than Debian. */
export function debianRelease() {
  if (!existsSync('/etc/os-release')) return undefined;
  const text = readFileSync('/etc/os-release', 'utf8');
  const value = (key) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1];
  return value('ID') === 'debian' ? Number(value('VERSION_ID')) : undefined;
}

/** 'amd64', 'arm64' */
export function debianArchitecture() {
  return probe('dpkg', ['--print-architecture']);
}

/** The address from which this machine gets the packages of its release. */
export function debianMirror() {
  const files = existsSync(SOURCES) ? readdirSync(SOURCES).map((name) => join(SOURCES, name)) : [];
  if (existsSync('/etc/apt/sources.list')) files.push('/etc/apt/sources.list');
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const pattern = file.endsWith('.sources')
      ? /^URIs:\s*(\S*\/debian)\/?\s/m
      : /^deb\s+(?:\[[^\]]*\]\s+)?(\S*\/debian)\/?\s/m;
    const uri = pattern.exec(text)?.[1];
    if (uri !== undefined) return uri;
  }
  return DEFAULT_MIRROR;
}

/** The words to put before a command that needs root: none, sudo, or undefined when neither is possible. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  if (probe('sudo', ['--version']) === undefined) return undefined;
  const mayAsk = process.stdin.isTTY && process.stdout.isTTY;
  return mayAsk || probe('sudo', ['-n', 'true']) !== undefined ? ['sudo'] : undefined;
}

function isInstalled(name) {
  return probe('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]) === 'installed';
}

/** Installs those of the packages that are not installed. `purpose` completes "... are needed". */
export async function installPackages(names, purpose) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...missing];
  // A machine that lives for one run need not wait for its disk.
  if (process.env.CI) install.push('-o', 'Dpkg::Options::=--force-unsafe-io');
  const root = asRoot();
  if (root === undefined) {
    throw new UserError(
      `${missing.join(', ')} needed ${purpose}. As root, run:\n  apt-get update && ${install.join(' ')}`,
    );
  }
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'inherit' };
  const asked = (command) => run([...root, ...command][0], [...root, ...command].slice(1), options);
  console.log(`  installing ${missing.join(' ')} (${purpose})`);
  try {
    await asked(install);
  } catch (error) {
    // Most often the package lists are old, or a bare machine has none yet.
    if (!(error instanceof CommandError)) throw error;
    await asked(['apt-get', 'update', '-q']);
    await asked(install);
  }
}

/**
 * Downloads packages of another release of Debian, without what they depend on, and gives the paths of the
 * .deb files. They lie in `folder`, which is emptied first.
 */
export async function downloadPackages(release, names, folder) {
  const state = join(TOOLCHAIN, 'apt', release);
  rmSync(folder, { recursive: true, force: true });
  for (const path of [
    folder,
    join(state, 'lists/partial'),
    join(state, 'cache/archives/partial'),
  ]) {
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(join(state, 'status'), '');
  const list = join(state, 'sources.list');
  writeFileSync(list, `deb [signed-by=${KEYRING}] ${debianMirror()} ${release} main\n`);
  const settings = [
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::State::status=${join(state, 'status')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Acquire::Languages=none',
    // The download goes to a folder that apt's own user may not enter.
    `APT::Sandbox::User=${process.getuid() === 0 ? 'root' : ''}`,
  ].flatMap((setting) => ['-o', setting]);
  await run('apt-get', [...settings, 'update']);
  await run('apt-get', [...settings, 'download', ...names], { cwd: folder });
  return readdirSync(folder).map((name) => join(folder, name));
}
