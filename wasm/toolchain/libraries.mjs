// The sources of the C++ libraries, fetched once for all builds. Which ones, their versions and their hashes
// stand in core/cmake/Sources.cmake; a build that does not find them here fetches its own copy.

import { join } from 'node:path';

import { debianMirror, debianRelease } from './debian.mjs';
import { ROOT, TOOLCHAIN } from './paths.mjs';
import { run } from './steps.mjs';

export async function fetchLibraries() {
  const args = [`-DDESTINATION=${join(TOOLCHAIN, 'cpp')}`];
  if (debianRelease() !== undefined) args.push(`-DDEBIAN_MIRROR=${debianMirror()}`);
  await run('cmake', [...args, '-P', join(ROOT, 'core/cmake/FetchSources.cmake')]);
}
