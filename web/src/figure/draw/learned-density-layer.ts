/**
 * The layer of the density that the learned field gives at t = 1, in the colours of the exact density and on its
 * scale: the peak of the exact one at that t, so that the two can be compared.
 */
import type { Density, Grid } from '../../engine/protocol';
import { maximum, readField, type FieldMovie } from '../data/field-movie';
import type { ColorTable } from './color-table';
import { densityIndex } from './density';
import { FieldImage } from './field-image';
import type { Viewport } from './geometry';

/** A density as the engine returned it, with the grid that it was asked for on. */
export interface DensityMap extends Density {
  readonly grid: Grid;
}

/** Far below what can be seen: nearer to the peak the upsampling would show where it is cut off. */
const floor = -40;

export class LearnedDensityLayer {
  #image: FieldImage | undefined;
  #drawn: { map: DensityMap; table: ColorTable; exact: FieldMovie } | undefined;

  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    map: DensityMap,
    table: ColorTable,
    exact: FieldMovie,
  ): void {
    const { columns } = map.grid;
    if (this.#image?.columns !== columns) {
      this.#image = new FieldImage(columns);
      this.#drawn = undefined;
    }
    const drawn = this.#drawn;
    if (drawn?.map !== map || drawn.table !== table || drawn.exact !== exact) {
      const peak = peakAtEnd(exact);
      const relative = map.logDensity.map((value) => Math.max(value - peak, floor));
      this.#image.update(relative, (value) => densityIndex(value, 0), table);
      this.#drawn = { map, table, exact };
    }
    this.#image.draw(context, viewport.size);
  }
}

function peakAtEnd(exact: FieldMovie): number {
  const values = new Float32Array(exact.grid.columns * exact.grid.rows);
  readField(exact, 1, values);
  return maximum(values);
}
