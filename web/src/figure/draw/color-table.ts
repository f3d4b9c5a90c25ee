/** A colour map sampled once into 256 packed pixels, so that a map of values costs one look-up a pixel. */

/** Pixels as ImageData holds them, read as one little-endian 32-bit number: 0xAABBGGRR. */
export type ColorTable = Uint32Array;

/** The red, green and blue of a CSS colour written `#rrggbb` or `rgb(r, g, b)`. */
export function parseColor(text: string): [red: number, green: number, blue: number] {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  if (hex) {
    return [parseInt(hex[1] ?? '0', 16), parseInt(hex[2] ?? '0', 16), parseInt(hex[3] ?? '0', 16)];
  }
  const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [];
  return [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0];
}

/** The pixel value of an opaque colour. */
export function packColor(text: string, alpha = 255): number {
  const [red, green, blue] = parseColor(text);
  return (
    ((alpha << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0
  );
}

/** The map through these colours, evenly spaced over [0, 1], as straight lines from one to the next. */
export function through(...colors: readonly string[]): (u: number) => string {
  const stops = colors.map(parseColor);
  return (u) => {
    const place = Math.min(1, Math.max(0, u)) * (stops.length - 1);
    const index = Math.min(Math.floor(place), stops.length - 2);
    const [from = [], to = []] = [stops[index], stops[index + 1]];
    const weight = place - index;
    const mixed = from.map((value, c) => value * (1 - weight) + (to[c] ?? 0) * weight);
    return `rgb(${mixed.join(', ')})`;
  };
}

/**
 * Samples `interpolate` over [0, 1]. With `start`, the lowest sixth is eased in from that colour, so that
 * the map grows out of the ground it lies on without an edge.
 */
export function colorTable(interpolate: (u: number) => string, start?: string): ColorTable {
  const table = new Uint32Array(256);
  const from = start === undefined ? undefined : parseColor(start);
  for (let i = 0; i < 256; i++) {
    const u = i / 255;
    const color = parseColor(interpolate(u));
    if (from) {
      const weight = Math.min(1, 6 * u);
      for (let c = 0; c < 3; c++) {
        color[c] = (from[c] ?? 0) * (1 - weight) + (color[c] ?? 0) * weight;
      }
    }
    table[i] = packColor(`rgb(${color.join(', ')})`);
  }
  return table;
}

/** The same map as a CSS gradient from left to right, for its scale bar. */
export function cssGradient(table: ColorTable, stops = 12): string {
  const colors = Array.from({ length: stops }, (_, index) => {
    const pixel = table[Math.round((index / (stops - 1)) * 255)] ?? 0;
    return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
  });
  return `linear-gradient(to right, ${colors.join(', ')})`;
}
