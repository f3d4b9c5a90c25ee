/**
 * The difference layer: the map of the difference as a picture. It fades where p_t is next to nothing: no particle goes
 * there, and the network has never been asked.
 */
import type { ColorTable } from './color-table';
import { maximum, readField, type FieldMovie } from '../data/field-movie';
import { differencePosition, type DifferenceMap } from './difference';
import { FieldImage } from './field-image';
import type { Viewport } from './geometry';

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
  #drawn: { map: DifferenceMap; table: ColorTable; density: FieldMovie } | undefined;

  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    map: DifferenceMap,
    table: ColorTable,
    density: FieldMovie,
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
      const weights = density.grid.columns === columns ? opacities(density, map.t) : undefined;
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
