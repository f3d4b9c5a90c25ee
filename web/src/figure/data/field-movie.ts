/**
 * A scalar field on a grid at a row of times (log p_t of the exact marginal), read at any t between them.
 */
import type { Grid } from '../../engine/protocol';
import { placeAt } from './clip';

export interface FieldMovie {
  readonly grid: Grid;
  readonly times: Float64Array;
  /** times.length x rows x columns. */
  readonly values: Float32Array;
}

/** `count` equally spaced times from 0 to 1, both included. */
export function evenTimes(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => index / (count - 1));
}

/** The field at time t, linearly between its times, into `out` (rows x columns). */
export function readField(movie: FieldMovie, t: number, out: Float32Array): void {
  const length = movie.grid.rows * movie.grid.columns;
  const place = placeAt(movie.times, t);
  const start = place.frame * length;
  const next = place.fraction === 0 ? start : start + length;
  for (let i = 0; i < length; i++) {
    const a = movie.values[start + i] ?? 0;
    const b = movie.values[next + i] ?? 0;
    out[i] = a + place.fraction * (b - a);
  }
}

/** The largest finite value, or -Infinity. */
export function maximum(values: Float32Array): number {
  let max = -Infinity;
  for (const value of values) if (value > max && value < Infinity) max = value;
  return max;
}
