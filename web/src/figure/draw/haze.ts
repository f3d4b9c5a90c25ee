/**
 * The particles layer of a cloud so large that no one can tell its dots apart: each particle leaves a drop of
 * ink, spread over the four pixels around it, and a pixel is as opaque as the ink in it makes it. That is what
 * ever smaller dots blended one over another would come to, at a small part of their cost: 100,000 particles
 * take a few milliseconds.
 */
import { packColor } from './color-table';
import { affineX, affineY, type Viewport } from './geometry';

/** Clouds larger than this are drawn so. */
export const hazeFrom = 20_000;

/** How much one drop does: 1 - exp(-strength) is the opacity of a pixel that has all of it. */
export function inkStrength(count: number, panelWidth: number): number {
  // All clouds have the same ink in all, and so look alike: the more particles, the finer the grain. In a smaller
  // panel there are more of them in a pixel.
  const share = hazeFrom / Math.max(hazeFrom, count);
  return 1.2 * share * Math.min(1, panelWidth / 450);
}

/** Entries of the table below for one drop, and in all: what has more ink is as opaque as can be seen. */
const entriesPerDrop = 64;
const entries = 4096;

/** The opacity, 0 to 255, for each amount of ink. */
export function inkOpacities(strength: number): Uint8Array {
  return Uint8Array.from({ length: entries }, (_, entry) =>
    Math.round(255 * (1 - Math.exp((-strength * entry) / entriesPerDrop))),
  );
}

/**
 * Adds a drop at each of `positions` (x, y pairs in the plane) to `ink`, an amount a pixel, viewport.size
 * squared of them. Points outside the window leave nothing.
 */
export function spreadInk(ink: Float32Array, positions: Float32Array, viewport: Viewport): void {
  const { size } = viewport;
  const [x0, xScale] = affineX(viewport);
  const [y0, yScale] = affineY(viewport);
  const highest = size - 2;
  for (let i = 0; i + 1 < positions.length; i += 2) {
    // From the middle of the first pixel: a drop there is all in it.
    const px = x0 - 0.5 + xScale * (positions[i] ?? NaN);
    const py = y0 - 0.5 + yScale * (positions[i + 1] ?? NaN);
    const left = Math.floor(px);
    const top = Math.floor(py);
    // Also false for a position that is not a number.
    if (!(left >= 0 && top >= 0 && left <= highest && top <= highest)) continue;
    const toRight = px - left;
    const down = py - top;
    const both = toRight * down;
    const at = top * size + left;
    const below = at + size;
    ink[at] = (ink[at] ?? 0) + (1 - toRight - down + both);
    ink[at + 1] = (ink[at + 1] ?? 0) + (toRight - both);
    ink[below] = (ink[below] ?? 0) + (down - both);
    ink[below + 1] = (ink[below + 1] ?? 0) + both;
  }
}

/** Makes each of `pixels` as opaque as its ink makes it, in this colour, and takes the ink away. */
export function developInk(
  ink: Float32Array,
  pixels: Uint32Array,
  opacities: Uint8Array,
  color: string,
): void {
  const base = packColor(color, 0);
  const table = Uint32Array.from(opacities, (opacity) => base | (opacity << 24));
  const last = entries - 1;
  for (let i = 0; i < ink.length; i++) {
    // Without a branch for the many pixels that have none: it would be guessed wrong as often as not.
    const entry = (entriesPerDrop * (ink[i] ?? 0) + 0.5) | 0;
    pixels[i] = table[entry < last ? entry : last] ?? 0;
  }
  ink.fill(0);
}
