import { describe, expect, it } from 'vitest';
import { describeTier } from '../../../web/src/figure/tier-name';
import {
  formatCount,
  formatDuration,
  formatLoss,
  formatPercent,
  formatRate,
  formatSignificant,
  formatTick,
  formatTime,
  plural,
} from '../../../web/src/figure/format';

describe('numbers for the reader', () => {
  it('counts in groups', () => {
    expect([0, 999, 1000, 1234567, -45678].map(formatCount)).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '-45,678',
    ]);
    expect(plural(1, 'step')).toBe('1 step');
    expect(plural(2000, 'step')).toBe('2,000 steps');
  });

  it('keep the width of t', () => {
    expect([0, 0.5, 1].map(formatTime)).toEqual(['0.00', '0.50', '1.00']);
  });

  it('have so many significant digits', () => {
    expect(formatSignificant(0.0018)).toBe('0.0018');
    expect(formatSignificant(0.31234)).toBe('0.31');
    expect(formatSignificant(12.34)).toBe('12');
    expect(formatSignificant(12.34, 3)).toBe('12.3');
    expect(formatSignificant(-0.5)).toBe('−0.50');
    expect(formatSignificant(0)).toBe('0');
    expect(formatSignificant(1.23e-9)).toBe('1.2e−9');
    expect(formatSignificant(NaN)).toBe('–');
  });

  it('write losses, rates and shares', () => {
    expect([9.826, 12345.6, Infinity].map(formatLoss)).toEqual(['9.83', '12,346', '–']);
    expect([1234, 99.4, 3.21, NaN].map(formatRate)).toEqual(['1,230', '99', '3.2', '–']);
    expect([0.5, 20, 1500, 100_000, 2e6].map(formatTick)).toEqual([
      '0.5',
      '20',
      '1.5K',
      '100K',
      '2M',
    ]);
    expect(formatPercent(0.9889)).toBe('98.9 %');
  });

  it('write durations as people say them', () => {
    expect([0.2, 59, 61, 3600, 1e6, NaN].map(formatDuration)).toEqual([
      '1 s',
      '59 s',
      '1 min 01 s',
      '1 h 00 min',
      '12 days',
      '–',
    ]);
  });

  it('name the tier as it is', () => {
    expect(describeTier({ simd: 'relaxed', threads: 2 })).toBe(
      'WebAssembly, relaxed SIMD, 2 threads',
    );
    expect(describeTier({ simd: 'simd128', threads: 1 })).toBe('WebAssembly, SIMD, 1 thread');
  });
});
