/** Which builds of the engine can run here: decided by what works, never by a browser's name. */
import { relaxedSimd, simd, threads } from 'wasm-feature-detect';
import { EngineError } from './errors';
import type { TierName } from './protocol';

/** What decides. */
export interface Capabilities {
  simd: boolean;
  relaxedSimd: boolean;
  /** WebAssembly threads and the shared memory that they need. */
  threads: boolean;
  /** Cores that the browser admits to. */
  cores: number;
}

/** Asks the browser. Threads start workers of their own, which scripts of another origin may not. */
export async function probe(sameOrigin: boolean): Promise<Capabilities> {
  const mayShare =
    sameOrigin &&
    // An engine may report isolation and still lack shared memory: both are asked for.
    globalThis.crossOriginIsolated &&
    typeof SharedArrayBuffer !== 'undefined';
  const [hasSimd, hasRelaxed, hasThreads] = await Promise.all([
    simd(),
    relaxedSimd(),
    mayShare ? threads() : false,
  ]);
  return {
    simd: hasSimd,
    relaxedSimd: hasRelaxed,
    threads: hasThreads,
    cores: navigator.hardwareConcurrency || 1,
  };
}

/** Every build that can run, the fastest first. */
export function availableTiers(capabilities: Capabilities): TierName[] {
  if (!capabilities.simd) return [];
  const tiers: TierName[] = capabilities.relaxedSimd ? ['relaxed', 'simd'] : ['simd'];
  if (!capabilities.threads) return tiers;
  const withThreads = tiers.map((tier) => `${tier}-threads` as TierName);
  // On one core, threads only cost.
  return capabilities.cores > 1 ? [...withThreads, ...tiers] : [...tiers, ...withThreads];
}

/** The fastest build, or the wanted one; a `load_failed` error when it cannot run here. */
export function chooseTier(available: readonly TierName[], wanted: TierName | 'auto'): TierName {
  const [fastest] = available;
  if (!fastest) {
    throw new EngineError('load_failed', 'This browser has no WebAssembly SIMD, which is needed.');
  }
  if (wanted === 'auto') return fastest;
  if (available.includes(wanted)) return wanted;
  const why = wanted.endsWith('-threads')
    ? 'threads need a page that is cross-origin isolated, with the engine on its own origin'
    : 'this browser lacks its instructions';
  throw new EngineError(
    'load_failed',
    `The engine build "${wanted}" cannot run here: ${why}. Available: ${available.join(', ')}.`,
  );
}
