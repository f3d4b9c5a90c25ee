// npm run build:wasm: the engine for every tier, build/wasm/<tier>/flowmatch.{mjs,wasm}, and its types,
// build/wasm/types/flowmatch.d.ts.

import { buildPreset } from './toolchain/cmake.mjs';
import { setUp } from './toolchain/setup.mjs';
import { isScript, main } from './toolchain/steps.mjs';

/** Needs the set-up done. */
export async function buildTypes() {
  await buildPreset('wasm-simd', ['flowmatch_types']);
}

/** Needs the set-up done. */
export async function buildEngine() {
  await buildPreset('wasm-simd', ['flowmatch_module', 'flowmatch_basic_module', 'flowmatch_types']);
  for (const preset of ['wasm-simd-threads', 'wasm-relaxed', 'wasm-relaxed-threads']) {
    await buildPreset(preset, ['flowmatch_module', 'flowmatch_basic_module']);
  }
}

if (isScript(import.meta)) {
  await main(async () => {
    await setUp();
    await buildEngine();
  });
}
