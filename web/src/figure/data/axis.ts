/** Tick values for axes. */

/** Round values within [low, high] for a logarithmic axis: 1, 2, 5 times powers of ten, or finer if too few. */
export function logTicks(low: number, high: number): number[] {
  const all = (mantissas: readonly number[]): number[] => {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const mantissa of mantissas) {
        const value = Number((mantissa * 10 ** power).toPrecision(6));
        if (value >= low && value <= high) ticks.push(value);
      }
    }
    return ticks;
  };
  const decades = Math.log10(high / low);
  if (decades > 4) return all([1]);
  const coarse = all([1, 2, 5]);
  if (coarse.length >= 3) return coarse;
  const middle = all([1, 1.5, 2, 3, 4, 5, 6, 8]);
  if (middle.length >= 3) return middle;
  return all(Array.from({ length: 45 }, (_, index) => 1 + index / 5));
}
