/**
 * The particles layer: round, translucent, sub-pixel exact dots, blended pixel by pixel into an image of
 * our own and put on the canvas at once. Thousands of dots cost a few milliseconds this way on any machine,
 * with or without a GPU; thousands of calls to a canvas do not. Of a cloud of many more it is a haze (haze.ts).
 */
import { packColor } from './color-table';
import { affineX, affineY, type Viewport } from './geometry';
import { developInk, hazeFrom, inkOpacities, inkStrength, spreadInk } from './haze';

/** A dot's centre may lie at any of this many places across a pixel, in each direction. */
const subPixels = 4;

/** The dot drawn at each sub-pixel offset: opacities 0 to 255, row by row, `width` x `width` each. */
export interface DotStamp {
  readonly width: number;
  readonly stamps: readonly Uint8Array[];
}

/** A disc of `diameter` device pixels with soft edges and this opacity. */
export function dotStamp(diameter: number, opacity: number): DotStamp {
  const radius = diameter / 2;
  const width = Math.ceil(diameter) + 2;
  const stamps: Uint8Array[] = [];
  for (let oy = 0; oy < subPixels; oy++) {
    for (let ox = 0; ox < subPixels; ox++) {
      // The centre lies in the middle pixel, at the middle of one of its sub-pixel cells.
      const middle = Math.floor(width / 2);
      const cx = middle + (ox + 0.5) / subPixels;
      const cy = middle + (oy + 0.5) / subPixels;
      const stamp = new Uint8Array(width * width);
      for (let y = 0; y < width; y++) {
        for (let x = 0; x < width; x++) {
          const distance = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
          const coverage = Math.min(1, Math.max(0, radius - distance + 0.5));
          stamp[y * width + x] = Math.round(255 * opacity * coverage);
        }
      }
      stamps.push(stamp);
    }
  }
  return { width, stamps };
}

/** Size and opacity of a dot (CSS pixels) for so many particles in a panel so wide: dense clouds get finer dots. */
export function dotStyle(count: number, panelWidth: number): { diameter: number; opacity: number } {
  const room = Math.min(1.15, Math.max(0.62, panelWidth / 480));
  const crowd = Math.min(1.25, Math.max(0.6, (1500 / Math.max(1, count)) ** 0.22));
  return {
    diameter: Math.max(1.4, 3.4 * room * crowd),
    opacity: Math.min(0.85, Math.max(0.35, 0.72 * crowd)),
  };
}

/**
 * Blends a dot at each of `positions` (x, y pairs in the plane) into `pixels`, `size` x `size`, whose colour
 * is `color` wherever it is not empty: only the opacity differs. Points outside the window leave nothing.
 */
export function stampDots(
  pixels: Uint32Array,
  size: number,
  positions: Float32Array,
  viewport: Viewport,
  dot: DotStamp,
  color: string,
): void {
  const base = packColor(color, 0);
  const [x0, xScale] = affineX(viewport);
  const [y0, yScale] = affineY(viewport);
  const { width, stamps } = dot;
  const middle = Math.floor(width / 2);
  const highest = size - width;
  for (let i = 0; i + 1 < positions.length; i += 2) {
    const px = x0 + xScale * (positions[i] ?? NaN);
    const py = y0 + yScale * (positions[i + 1] ?? NaN);
    const left = Math.floor(px) - middle;
    const top = Math.floor(py) - middle;
    // Also false for a position that is not a number.
    if (!(left >= 0 && top >= 0 && left <= highest && top <= highest)) continue;
    const ox = Math.floor((px - Math.floor(px)) * subPixels);
    const oy = Math.floor((py - Math.floor(py)) * subPixels);
    const stamp = stamps[oy * subPixels + ox];
    if (!stamp) continue;
    let source = 0;
    for (let y = 0; y < width; y++) {
      let target = (top + y) * size + left;
      for (let x = 0; x < width; x++, source++, target++) {
        const add = stamp[source] ?? 0;
        if (add === 0) continue;
        const old = (pixels[target] ?? 0) >>> 24;
        // What was transparent becomes opaque in proportion; (n + 128) * 257 >> 16 is n / 255, rounded.
        const alpha = old + ((((255 - old) * add + 128) * 257) >>> 16);
        pixels[target] = base | (alpha << 24);
      }
    }
  }
}

/** Memory that the layer keeps between frames: the image of one panel, and what it is made with. */
export class ParticleBuffer {
  #image: ImageData | undefined;
  #pixels = new Uint32Array(0);
  #canvas: OffscreenCanvas | undefined;
  #context: OffscreenCanvasRenderingContext2D | null = null;
  #stamp: DotStamp | undefined;
  #stampKey = '';
  #ink = new Float32Array(0);
  #opacities: Uint8Array = new Uint8Array(0);
  #strength = NaN;

  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    positions: Float32Array,
    color: string,
  ): void {
    const isHaze = positions.length / 2 > hazeFrom;
    const image = this.#sized(isHaze ? hazeViewport(viewport) : viewport);
    if (isHaze) this.#drawHaze(hazeViewport(viewport), positions, color);
    else this.#drawDots(viewport, positions, color);
    if (!image || !this.#canvas) return;
    this.#context?.putImageData(image, 0, 0);
    context.drawImage(this.#canvas, 0, 0, viewport.size, viewport.size);
  }

  #sized({ size }: Viewport): ImageData | undefined {
    if (this.#image?.width !== size) {
      this.#image = new ImageData(size, size);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
      this.#canvas = new OffscreenCanvas(size, size);
      this.#context = this.#canvas.getContext('2d');
    }
    return this.#image;
  }

  #drawDots(viewport: Viewport, positions: Float32Array, color: string): void {
    const { size, pixelRatio } = viewport;
    const style = dotStyle(positions.length / 2, size / pixelRatio);
    const key = `${style.diameter * pixelRatio} ${style.opacity}`;
    if (!this.#stamp || this.#stampKey !== key) {
      this.#stamp = dotStamp(style.diameter * pixelRatio, style.opacity);
      this.#stampKey = key;
    }
    this.#pixels.fill(0);
    stampDots(this.#pixels, size, positions, viewport, this.#stamp, color);
  }

  #drawHaze(viewport: Viewport, positions: Float32Array, color: string): void {
    const { size } = viewport;
    const strength = inkStrength(positions.length / 2, size);
    if (this.#strength !== strength) {
      this.#opacities = inkOpacities(strength);
      this.#strength = strength;
    }
    if (this.#ink.length !== size * size) this.#ink = new Float32Array(size * size);
    spreadInk(this.#ink, positions, viewport);
    developInk(this.#ink, this.#pixels, this.#opacities, color);
  }
}

/** A haze has nothing to show that is finer than a CSS pixel, and costs by the pixel. */
function hazeViewport({ size, half, pixelRatio }: Viewport): Viewport {
  return { size: Math.max(2, Math.round(size / pixelRatio)), half, pixelRatio: 1 };
}
