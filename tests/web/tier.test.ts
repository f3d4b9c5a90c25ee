// The choice of a build of the engine, from what the browser can do.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../web/src/engine/errors';
import { availableTiers, chooseTier, type Capabilities } from '../../web/src/engine/tier';

const everything: Capabilities = { simd: true, relaxedSimd: true, threads: true, cores: 2 };

describe('the builds that can run', () => {
  const cases: [string, Partial<Capabilities>, string[]][] = [
    ['all', {}, ['relaxed-threads', 'simd-threads', 'relaxed', 'simd']],
    ['without isolation', { threads: false }, ['relaxed', 'simd']],
    ['without relaxed SIMD', { relaxedSimd: false }, ['simd-threads', 'simd']],
    ['the least', { relaxedSimd: false, threads: false }, ['simd']],
    ['on one core', { cores: 1 }, ['relaxed', 'simd', 'relaxed-threads', 'simd-threads']],
    ['without SIMD', { simd: false }, []],
  ];
  it.each(cases)('%s', (_what, change, tiers) => {
    expect(availableTiers({ ...everything, ...change })).toEqual(tiers);
  });
});

describe('the choice', () => {
  const available = availableTiers({ ...everything, threads: false });

  it('is the fastest, or the one wanted', () => {
    expect(chooseTier(available, 'auto')).toBe('relaxed');
    expect(chooseTier(available, 'simd')).toBe('simd');
  });

  it('of one that cannot run is an error that says why', () => {
    expect(() => chooseTier(available, 'simd-threads')).toThrow(EngineError);
    expect(() => chooseTier(available, 'simd-threads')).toThrow(/cross-origin isolated/);
    expect(() => chooseTier(['simd'], 'relaxed')).toThrow(/lacks its instructions.*simd/);
    expect(() => chooseTier([], 'auto')).toThrow(/no WebAssembly SIMD/);
  });
});
