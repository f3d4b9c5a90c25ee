// All that a build needs and that can be had without asking: run it as often as you like, it does what is missing.

import { setUpEmscripten } from './emscripten.mjs';
import { fetchLibraries } from './libraries.mjs';
import { installNodePackages } from './packages.mjs';
import { checkPrerequisites } from './prerequisites.mjs';
import { withLock } from './steps.mjs';

/** Gives the root folder of Emscripten as `emscripten`. */
export async function setUp() {
  return withLock('setup', async () => {
    await checkPrerequisites();
    await installNodePackages();
    await fetchLibraries();
    return { emscripten: await setUpEmscripten() };
  });
}
