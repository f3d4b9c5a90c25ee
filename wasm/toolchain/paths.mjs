// Where things lie in a checkout. Everything that the set-up adds is below `.toolchain`, and everything
// that a build makes is below `build` and `dist`: to start afresh, delete those three folders.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
export const TOOLCHAIN = join(ROOT, '.toolchain');
export const BUILD = join(ROOT, 'build');
export const DIST = join(ROOT, 'dist');
export const NODE_BIN = join(ROOT, 'node_modules', '.bin');
