/** What the engine runs on, in words. */
import type { Tier } from '../engine/protocol';

/** "WebAssembly, relaxed SIMD, 2 threads" */
export function describeTier(tier: Tier | null): string {
  if (!tier) return 'WebAssembly';
  const simd = tier.simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD';
  const threads = tier.threads === 1 ? '1 thread' : `${tier.threads} threads`;
  return `WebAssembly, ${simd}, ${threads}`;
}
