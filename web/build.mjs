// npm run build: everything that the page needs, and the page itself as a static folder, dist/.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { buildEngine } from '../wasm/build.mjs';
import { BUILD, DIST, NODE_BIN, ROOT } from '../wasm/toolchain/paths.mjs';
import { setUp } from '../wasm/toolchain/setup.mjs';
import { hashOfFiles, isScript, main, once, run, step } from '../wasm/toolchain/steps.mjs';

const TIERS = ['simd', 'simd-threads', 'relaxed', 'relaxed-threads'];

/** Needs the engine built. */
export async function bundlePage() {
  const stamp = join(BUILD, 'page.stamp');
  if (!existsSync(join(DIST, 'index.html'))) rmSync(stamp, { force: true });
  const inputs = [join(ROOT, 'package-lock.json'), join(ROOT, 'package.json'), join(ROOT, 'web')];
  inputs.push(...TIERS.map((tier) => join(BUILD, 'wasm', tier)));
  await once(stamp, hashOfFiles(inputs), () =>
    step('bundling the page', () => run(join(NODE_BIN, 'vite'), ['build', 'web'])),
  );
}

export async function buildAll() {
  await setUp();
  await buildEngine();
  await bundlePage();
}

if (isScript(import.meta)) await main(buildAll);
