/**
 * The difference layer: |learned - exact| over the window at one t, on a logarithmic colour scale that
 * stays the same for every t and all through training, so that maps can be compared. It fades where p_t is
 * next to nothing: no particle goes there, and the network has never been asked.
 */
import type { Difference, Grid } from '../../engine/protocol';
import type { ColorTable } from './color-table';
import { maximum, readField, type FieldMovie } from '../data/field-movie';
import { FieldImage } from './field-image';
import type { Viewport } from './geometry';

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

/** Where the density is above exp(-6) of its peak the map is opaque; at exp(-14) it is nearly gone. */
const opaqueFrom = -6;
const goneAt = -14;
const leastOpacity = 0.06;

/** How opaque the map is where the log-density lies so far below its peak. */
export function differenceOpacity(belowPeak: number): number {
  const u = Math.min(1, Math.max(0, (belowPeak - goneAt) / (opaqueFrom - goneAt)));
  return leastOpacity + (1 - leastOpacity) * u * u * (3 - 2 * u);
}

export class DifferenceLayer {
  #image: FieldImage | undefined;
  #drawn: { map: DifferenceMap; table: ColorTable; density: FieldMovie | undefined } | undefined;

  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    map: DifferenceMap,
    table: ColorTable,
    density: FieldMovie | undefined,
  ): void {
    const { columns } = map.grid;
    if (this.#image?.columns !== columns) {
      this.#image = new FieldImage(columns);
      this.#drawn = undefined;
    }
    const drawn = this.#drawn;
    if (drawn?.map !== map || drawn.table !== table || drawn.density !== density) {
      // Upsampled in the scale's own logarithm; a place of no difference at all is the scale's low end.
      const positions = map.magnitude.map(differencePosition);
      const weights = density?.grid.columns === columns ? opacities(density, map.t) : undefined;
      this.#image.update(positions, differenceIndex, table, weights);
      this.#drawn = { map, table, density };
    }
    this.#image.draw(context, viewport.size);
  }
}

function opacities(density: FieldMovie, t: number): Float32Array {
  const values = new Float32Array(density.grid.columns * density.grid.rows);
  readField(density, t, values);
  const peak = maximum(values);
  return values.map((value) => differenceOpacity(value - peak));
}

function differenceIndex(position: number): number {
  return Math.min(255, Math.max(0, Math.round(255 * position))) || 0;
}
