// Running the steps of a set-up or a build: progress on the terminal, stamps for what is already done,
// and a lock so that two of them never work in the same folder at once.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { ROOT, TOOLCHAIN } from './paths.mjs';

const HEARTBEAT_MS = 15_000;
const TAIL_LINES = 60;

/** A problem that the reader can do something about: its message is the whole story, no stack needed. */
export class UserError extends Error {}

/** A command that ran and failed; `output` is what it printed. */
export class CommandError extends UserError {
  constructor(commandLine, reason, output) {
    const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
    super(`${commandLine}\n${tail}\n(${reason})`);
    this.output = output;
  }
}

export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Runs `work`, saying on the terminal what it is and how long it took. */
export async function step(title, work) {
  console.log(`> ${title}`);
  const start = performance.now();
  const result = await work();
  console.log(`  ${seconds(performance.now() - start)}`);
  return result;
}

/**
 * Runs a command to its end and gives what it printed. The output is kept from the terminal unless the
 * command fails or `echo` is set; a long command says now and then that it is alive, and what it does.
 */
export function run(command, args = [], { cwd = ROOT, env, echo = false, stdin = 'ignore' } = {}) {
  const commandLine = [command, ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    const start = performance.now();
    let output = '';
    const collect = (chunk) => {
      output += chunk;
      if (echo) process.stdout.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const heartbeat = setInterval(() => {
      if (echo) return;
      const last =
        output
          .trimEnd()
          .split(/[\r\n]/)
          .at(-1) ?? '';
      console.log(`  ... ${seconds(performance.now() - start)}  ${last.slice(0, 90)}`);
    }, HEARTBEAT_MS);
    child.on('error', (error) => {
      clearInterval(heartbeat);
      reject(new CommandError(commandLine, error.message, output));
    });
    child.on('close', (code, signal) => {
      clearInterval(heartbeat);
      if (code === 0) resolve(output);
      else reject(new CommandError(commandLine, `exit status ${code ?? signal}`, output));
    });
  });
}

/** What a quick command prints, or undefined when it is missing or fails. */
export function probe(command, args = [], input) {
  const result = spawnSync(command, args, { encoding: 'utf8', input });
  return result.status === 0 ? `${result.stdout}${result.stderr}`.trim() : undefined;
}

export function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** One hash for the names and contents of all files in some folders or of some files. */
export function hashOfFiles(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) add(join(path, name));
    } else {
      hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
    }
  };
  paths.forEach(add);
  return hash.digest('hex');
}

/** Writes a file so that a reader sees the old text or the new, and leaves it untouched if nothing changed. */
export function writeIfChanged(path, text, mode) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, text, { mode });
  renameSync(fresh, path);
}

/** Runs `work` unless the stamp at `path` says that it was done for this very `key`; stamps it afterwards. */
export async function once(path, key, work) {
  if (existsSync(path) && readFileSync(path, 'utf8').trim() === key) return;
  await work();
  writeIfChanged(path, `${key}\n`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs `work` while no other process on this machine holds the lock of the same name for this checkout. */
export async function withLock(name, work) {
  const lock = join(TOOLCHAIN, `${name}.lock`);
  const mine = `${lock}.${process.pid}`;
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; ;) {
      try {
        linkSync(mine, lock);
        break;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : undefined;
      if (owner !== undefined && !isAlive(owner)) {
        rmSync(lock, { force: true });
        continue;
      }
      if (!told) console.log(`> waiting for process ${owner}, which holds ${lock}`);
      told = true;
      await sleep(500);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Whether the module of this `import.meta` is the program that was started. */
export function isScript(meta) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(meta.url);
}

/** The `main` of a script: a UserError is printed as it is, and the exit status says that it failed. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof UserError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
