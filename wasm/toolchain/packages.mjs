// The npm packages, as the lock file has them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './paths.mjs';
import { once, run, sha256, step } from './steps.mjs';

export async function installNodePackages() {
  const key = sha256(readFileSync(join(ROOT, 'package-lock.json')));
  // The stamp lies within the folder that it speaks of: without the one there is not the other.
  await once(join(ROOT, 'node_modules/.installed'), key, () =>
    step('installing the npm packages', () => run('npm', ['ci'])),
  );
}
