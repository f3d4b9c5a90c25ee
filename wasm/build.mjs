// npm run build:wasm [-- TIER...]: the engine for every tier, or for those named, build/wasm/<tier>/flowmatch.{mjs,wasm},
// and its types, build/wasm/types/flowmatch.d.ts, which are made with the tier simd.

import { buildPreset } from './toolchain/cmake.mjs';
import { setUp } from './toolchain/setup.mjs';
import { isScript, main, UserError } from './toolchain/steps.mjs';

const TIERS = ['simd', 'simd-threads', 'relaxed', 'relaxed-threads'];

/** Needs the set-up done. */
export async function buildTypes() {
  await buildPreset('wasm-simd', ['flowmatch_types']);
}

/** Needs the set-up done. */
export async function buildEngine(tiers = TIERS) {
  for (const tier of tiers) {
    const types = tier === 'simd' ? ['flowmatch_types'] : [];
    await buildPreset(`wasm-${tier}`, ['flowmatch_module', 'flowmatch_basic_module', ...types]);
  }
}

if (isScript(import.meta)) {
  await main(async () => {
    const named = process.argv.slice(2);
    const unknown = named.find((tier) => !TIERS.includes(tier));
    if (unknown !== undefined) throw new UserError(`${unknown} is none of ${TIERS.join(', ')}`);
    await setUp();
    await buildEngine(named.length > 0 ? named : TIERS);
  });
}
