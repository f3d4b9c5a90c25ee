// Configuring and building the presets of CMakePresets.json.

import { availableParallelism } from 'node:os';
import { delimiter } from 'node:path';

import { NODE_BIN } from './paths.mjs';
import { hasNinja } from './prerequisites.mjs';
import { run, step, withLock } from './steps.mjs';

function environment() {
  const env = { PATH: `${NODE_BIN}${delimiter}${process.env.PATH}` };
  if (process.env.CMAKE_GENERATOR === undefined && hasNinja()) env.CMAKE_GENERATOR = 'Ninja';
  return env;
}

/** Makes the build folder of a preset, with its compile_commands.json, and builds nothing. */
export async function configurePreset(preset) {
  await withLock(`build-${preset}`, () =>
    run('cmake', ['--preset', preset], { env: environment() }),
  );
}

/** Brings targets of a preset up to date, all without any named; cheap when they are. */
export async function buildPreset(preset, targets = []) {
  const env = environment();
  const args = ['--build', '--preset', preset, '--parallel', String(availableParallelism())];
  if (targets.length > 0) args.push('--target', ...targets);
  await withLock(`build-${preset}`, () =>
    step(`building ${preset}`, async () => {
      await run('cmake', ['--preset', preset], { env });
      await run('cmake', args, { env });
    }),
  );
}
