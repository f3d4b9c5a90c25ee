/**
 * The difference of the two fields, |learned - exact| over the window at one t, and its scale: logarithmic, and the
 * same for every t and all through training, so that maps can be compared.
 */
import type { Difference, Grid } from '../../engine/protocol';

/** Ends of the scale, in units of velocity (plane units per unit of t), as powers of ten. */
export const differenceScale = { low: -1, high: 1 } as const;

/** The numbers written along the scale bar. */
export const differenceTicks = [0.1, 0.3, 1, 3, 10] as const;

/** Where on the scale a magnitude lies, 0 to 1. */
export function differencePosition(magnitude: number): number {
  const { low, high } = differenceScale;
  if (!(magnitude > 0)) return 0;
  return Math.min(1, Math.max(0, (Math.log10(magnitude) - low) / (high - low)));
}

/** A map as the engine returned it, with the t it was asked for. */
export interface DifferenceMap extends Difference {
  readonly t: number;
  readonly grid: Grid;
}
