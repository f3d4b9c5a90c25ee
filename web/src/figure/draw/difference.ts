/**
 * The difference layer: |learned - exact| over the window at one t, on a logarithmic colour scale that
 * stays the same for every t and all through training, so that maps can be compared.
 */
import type { Difference, Grid } from '../../engine/protocol';
import type { ColorTable } from './color-table';
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

export class DifferenceLayer {
  #image: FieldImage | undefined;
  #drawn: { map: DifferenceMap; table: ColorTable } | undefined;

  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    map: DifferenceMap,
    table: ColorTable,
  ): void {
    if (this.#image?.columns !== map.grid.columns) {
      this.#image = new FieldImage(map.grid.columns);
      this.#drawn = undefined;
    }
    if (this.#drawn?.map !== map || this.#drawn.table !== table) {
      // Upsampled in the scale's own logarithm; a place of no difference at all is the scale's low end.
      const positions = map.magnitude.map(differencePosition);
      this.#image.update(positions, differenceIndex, table);
      this.#drawn = { map, table };
    }
    this.#image.draw(context, viewport.size);
  }
}

function differenceIndex(position: number): number {
  return Math.min(255, Math.max(0, Math.round(255 * position))) || 0;
}
