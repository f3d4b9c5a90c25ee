// Configuring and building one of the presets of CMakePresets.json.

import { delimiter } from 'node:path';
import { availableParallelism } from 'node:os';

import { NODE_BIN } from './paths.mjs';
import { hasNinja } from './prerequisites.mjs';
import { run, step, withLock } from './steps.mjs';

function environment() {
  const env = { PATH: `${NODE_BIN}${delimiter}${process.env.PATH}` };
  if (process.env.CMAKE_GENERATOR === undefined && hasNinja()) env.CMAKE_GENERATOR = 'Ninja';
  return env;
}

/** Brings the build of a preset up to date; cheap when it is. */
export async function buildPreset(preset, targets = []) {
  const env = environment();
  const jobs = ['--parallel', String(availableParallelism())];
  const chosen = targets.length > 0 ? ['--target', ...targets] : [];
  await withLock(`build-${preset}`, () =>
    step(`building ${preset}`, async () => {
      await run('cmake', ['--preset', preset], { env });
      await run('cmake', ['--build', '--preset', preset, ...jobs, ...chosen], { env });
    }),
  );
}
