// Configuring and building the presets of CMakePresets.json.

import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';

import { BUILD, NODE_BIN, ROOT, TOOLCHAIN } from './paths.mjs';
import { hasNinja } from './prerequisites.mjs';
import { once, run, sha256, step, withLock } from './steps.mjs';

function environment() {
  const env = { PATH: `${NODE_BIN}${delimiter}${process.env.PATH}` };
  if (process.env.CMAKE_GENERATOR === undefined && hasNinja()) env.CMAKE_GENERATOR = 'Ninja';
  return env;
}

/** The build folder of a preset. */
export function buildFolder(preset) {
  return join(BUILD, preset === 'native-release' ? 'native' : preset);
}

/** The build itself configures again when a CMakeLists.txt changes; what it does not watch is stamped. */
async function configure(preset, env) {
  const watched = [join(ROOT, 'CMakePresets.json'), join(TOOLCHAIN, 'emscripten.cmake')];
  const key = sha256(...watched.filter(existsSync).map((path) => readFileSync(path)));
  await once(join(buildFolder(preset), 'configured.stamp'), key, () =>
    run('cmake', ['--preset', preset], { env }),
  );
}

/** Makes the build folder of a preset, with its compile_commands.json, and builds nothing. */
export async function configurePreset(preset) {
  await withLock(`build-${preset}`, () => configure(preset, environment()));
}

/** Brings targets of a preset up to date, all without any named; cheap when they are. */
export async function buildPreset(preset, targets = []) {
  const env = environment();
  const args = ['--build', '--preset', preset, '--parallel', String(availableParallelism())];
  if (targets.length > 0) args.push('--target', ...targets);
  await withLock(`build-${preset}`, () =>
    step(`building ${preset}`, async () => {
      await configure(preset, env);
      await run('cmake', args, { env });
    }),
  );
}
