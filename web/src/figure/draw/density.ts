/**
 * The density layer: p_t of the exact marginal, relative to its own peak at that t, as a smooth backdrop
 * or as contour lines over another map.
 */
import type * as D3Contour from 'd3-contour';
import { maximum, readField, type FieldMovie } from '../data/field-movie';
import type { ColorTable } from './color-table';
import { FieldImage } from './field-image';
import type { Viewport } from './geometry';

/** Below exp(-7), about a thousandth of the peak, nothing is shown. */
const lowest = -7;
const steps = 1024;
const indexOfLog = Uint8Array.from({ length: steps + 1 }, (_, i) =>
  Math.round(255 * Math.exp(lowest * (1 - i / steps))),
);

/** Colour index of a log-density whose peak is `peak`: linear in the density. */
export function densityIndex(logDensity: number, peak: number): number {
  const relative = logDensity - peak;
  if (!(relative > lowest)) return 0;
  return indexOfLog[Math.min(steps, Math.round((1 - relative / lowest) * steps))] ?? 0;
}

/** Contours at these densities, relative to the peak: one, two and three standard deviations of a Gaussian. */
const contourLogs = [-0.5, -2, -4.5];

/** Moments of t for which contours are kept. */
const contourTimes = 80;

/** What traces contours: fetched when the first are wanted, which most readers never do. */
let tracing: typeof D3Contour | undefined;

/** Resolves when contours can be drawn. */
export async function loadContours(): Promise<void> {
  tracing ??= await import('d3-contour');
}

/** Draws p_t at any t; keeps what it can reuse for the next frame. */
export class DensityLayer {
  readonly #movie: FieldMovie;
  readonly #image: FieldImage;
  readonly #values: Float32Array;
  readonly #contours = new Map<number, Path2D>();
  #imageKey: { t: number; table: ColorTable } | undefined;
  readonly #redraw: () => void;
  #loading = false;

  /** `redraw` is called when more can be drawn than could when it was asked for. */
  constructor(movie: FieldMovie, redraw: () => void) {
    this.#redraw = redraw;
    this.#movie = movie;
    this.#image = new FieldImage(movie.grid.columns);
    this.#values = new Float32Array(movie.grid.columns * movie.grid.rows);
  }

  get movie(): FieldMovie {
    return this.#movie;
  }

  drawBackdrop(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    t: number,
    table: ColorTable,
  ): void {
    // Two panels of one frame share the image.
    if (this.#imageKey?.t !== t || this.#imageKey.table !== table) {
      readField(this.#movie, t, this.#values);
      const peak = maximum(this.#values);
      this.#image.update(this.#values, (value) => densityIndex(value, peak), table);
      this.#imageKey = { t, table };
    }
    this.#image.draw(context, viewport.size);
  }

  /** Nothing yet, as long as what traces them is on its way. */
  drawContours(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    t: number,
    color: string,
  ): void {
    if (!tracing) {
      this.#loadContours();
      return;
    }
    const key = Math.round(t * contourTimes);
    let path = this.#contours.get(key);
    if (!path) {
      path = this.#trace(tracing.contours(), key / contourTimes);
      this.#contours.set(key, path);
    }
    const cell = viewport.size / (this.#movie.grid.columns - 1);
    context.save();
    // Contours are kept in grid units: x right from the left edge, y up from the lower edge.
    context.setTransform(cell, 0, 0, -cell, 0, viewport.size);
    context.strokeStyle = color;
    context.lineWidth = (1 * viewport.pixelRatio) / cell;
    context.stroke(path);
    context.restore();
  }

  #loadContours(): void {
    if (this.#loading) return;
    this.#loading = true;
    // The map is there without its contours, too.
    loadContours().then(this.#redraw, () => null);
  }

  #trace(contours: D3Contour.Contours, t: number): Path2D {
    const { columns, rows } = this.#movie.grid;
    const values = new Float32Array(columns * rows);
    readField(this.#movie, t, values);
    const peak = maximum(values);
    const relative = Array.from(values, (value) => Math.max(value - peak, -50));
    const generator = contours.size([columns, rows]);
    const path = new Path2D();
    for (const level of contourLogs) {
      for (const polygon of generator.contour(relative, level).coordinates) {
        for (const ring of polygon) {
          ring.forEach(([x = 0, y = 0], index) => {
            // d3 puts the middle of cell (0, 0) at (0.5, 0.5).
            if (index === 0) path.moveTo(x - 0.5, y - 0.5);
            else path.lineTo(x - 0.5, y - 0.5);
          });
        }
      }
    }
    return path;
  }
}
