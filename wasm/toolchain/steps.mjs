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

// The commands that run at this moment. While there are any, the terminal hears now and then of the last.
const running = new Set();
let heartbeat;

function startHeartbeat(command) {
  running.add(command);
  heartbeat ??= setInterval(() => {
    const { start, lastLine } = [...running].at(-1);
    console.log(`  ... ${seconds(performance.now() - start)}  ${lastLine().slice(0, 90)}`);
  }, HEARTBEAT_MS);
}

function stopHeartbeat(command) {
  running.delete(command);
  if (running.size > 0) return;
  clearInterval(heartbeat);
  heartbeat = undefined;
}

/**
 * Runs a command to its end and gives what it printed. The output is kept from the terminal, and is part of
 * the error when the command fails.
 */
export function run(command, args = [], { cwd = ROOT, env, stdin = 'ignore' } = {}) {
  const commandLine = [command, ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const progress = {
      start: performance.now(),
      lastLine: () =>
        output
          .slice(-1000)
          .trimEnd()
          .split(/[\r\n]/)
          .at(-1),
    };
    startHeartbeat(progress);
    child.on('error', (error) => {
      stopHeartbeat(progress);
      reject(new CommandError(commandLine, error.message, output));
    });
    child.on('close', (code, signal) => {
      stopHeartbeat(progress);
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
