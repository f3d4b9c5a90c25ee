/**
 * A scalar field as an image: upsampled smoothly between its grid points, then coloured by a table. It is
 * stretched over the panel by the canvas; the upsampling hides the grid, at a cost of well under a
 * millisecond.
 */
import type { ColorTable } from './color-table';

/** Image pixels between two neighbouring grid points. */
export const upsampling = 2;

/** Weights of the four neighbours (Catmull-Rom) at fraction u between the middle two. */
function weights(u: number): [number, number, number, number] {
  const u2 = u * u;
  const u3 = u2 * u;
  return [
    -0.5 * u3 + u2 - 0.5 * u,
    1.5 * u3 - 2.5 * u2 + 1,
    -1.5 * u3 + 2 * u2 + 0.5 * u,
    0.5 * u3 - 0.5 * u2,
  ];
}

/** Side of the upsampled image of a grid with `columns` points a side. */
export function upsampledSize(columns: number): number {
  return (columns - 1) * upsampling + 1;
}

/**
 * Upsamples a square grid of values, rows first; the result keeps the values at the grid points. `scratch`
 * holds columns x upsampledSize numbers.
 */
export function upsample(
  values: Float32Array,
  columns: number,
  out: Float32Array,
  scratch: Float32Array,
): void {
  const size = upsampledSize(columns);
  const last = columns - 1;
  for (let j = 0; j < size; j++) {
    const cell = Math.min(Math.floor(j / upsampling), last - 1);
    const [w0, w1, w2, w3] = weights(j / upsampling - cell);
    const c0 = Math.max(0, cell - 1);
    const c3 = Math.min(last, cell + 2);
    for (let row = 0; row < columns; row++) {
      const at = row * columns;
      scratch[row * size + j] =
        w0 * (values[at + c0] ?? 0) +
        w1 * (values[at + cell] ?? 0) +
        w2 * (values[at + cell + 1] ?? 0) +
        w3 * (values[at + c3] ?? 0);
    }
  }
  for (let i = 0; i < size; i++) {
    const cell = Math.min(Math.floor(i / upsampling), last - 1);
    const [w0, w1, w2, w3] = weights(i / upsampling - cell);
    const r0 = Math.max(0, cell - 1) * size;
    const r1 = cell * size;
    const r2 = (cell + 1) * size;
    const r3 = Math.min(last, cell + 2) * size;
    for (let j = 0; j < size; j++) {
      out[i * size + j] =
        w0 * (scratch[r0 + j] ?? 0) +
        w1 * (scratch[r1 + j] ?? 0) +
        w2 * (scratch[r2 + j] ?? 0) +
        w3 * (scratch[r3 + j] ?? 0);
    }
  }
}

/** Colour index 0 to 255 of a value; what is not a number is 0. */
export type Scale = (value: number) => number;

/** An image of a field, its memory kept between frames. */
export class FieldImage {
  readonly #columns: number;
  readonly #size: number;
  readonly #fine: Float32Array;
  #fineWeights: Float32Array | undefined;
  readonly #scratch: Float32Array;
  readonly #image: ImageData;
  readonly #pixels: Uint32Array;
  readonly #canvas: OffscreenCanvas;

  constructor(columns: number) {
    this.#columns = columns;
    this.#size = upsampledSize(columns);
    this.#fine = new Float32Array(this.#size * this.#size);
    this.#scratch = new Float32Array(columns * this.#size);
    this.#image = new ImageData(this.#size, this.#size);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.#canvas = new OffscreenCanvas(this.#size, this.#size);
  }

  get columns(): number {
    return this.#columns;
  }

  /**
   * Colours `values` (columns x columns, the first row at the bottom of the window); with `weights`, each is
   * as opaque as its weight, 0 to 1.
   */
  update(values: Float32Array, scale: Scale, table: ColorTable, weights?: Float32Array): void {
    const size = this.#size;
    upsample(values, this.#columns, this.#fine, this.#scratch);
    if (weights) {
      this.#fineWeights ??= new Float32Array(size * size);
      upsample(weights, this.#columns, this.#fineWeights, this.#scratch);
    }
    // The first frame comes before any of this is optimised: no more a pixel than must be.
    const fine = this.#fine;
    const pixels = this.#pixels;
    for (let i = 0; i < size; i++) {
      const target = (size - 1 - i) * size;
      for (let j = 0; j < size; j++) {
        pixels[target + j] = table[scale(fine[i * size + j] ?? NaN)] ?? 0;
      }
    }
    if (weights) this.#fade(this.#fineWeights ?? new Float32Array(0));
    this.#canvas.getContext('2d')?.putImageData(this.#image, 0, 0);
  }

  /** Makes each pixel as opaque as its weight, 0 to 1. */
  #fade(weights: Float32Array): void {
    const size = this.#size;
    for (let i = 0; i < size; i++) {
      const target = (size - 1 - i) * size;
      for (let j = 0; j < size; j++) {
        const alpha = Math.round(255 * Math.min(1, Math.max(0, weights[i * size + j] ?? 1)));
        this.#pixels[target + j] = ((this.#pixels[target + j] ?? 0) & 0xffffff) | (alpha << 24);
      }
    }
  }

  /** Stretches it over a square of `side` device pixels, so that grid points on the edge lie on the edge. */
  draw(context: CanvasRenderingContext2D, side: number): void {
    context.save();
    context.imageSmoothingEnabled = true;
    const inner = this.#size - 1;
    context.drawImage(this.#canvas, 0.5, 0.5, inner, inner, 0, 0, side, side);
    context.restore();
  }
}
