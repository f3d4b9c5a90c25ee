/** A little history as an SVG path: a logarithmic axis, shared with the floor that the values approach. */

export interface Sparkline {
  readonly path: string;
  /** Height of the floor's line. */
  readonly floorY: number;
  /** Where the last point is. */
  readonly end: readonly [x: number, y: number];
}

/** `xs` from 0 to `xMax`; values and floors above 0. Undefined with fewer than two points. */
export function sparkline(
  xs: readonly number[],
  values: readonly number[],
  floor: number,
  xMax: number,
  width: number,
  height: number,
): Sparkline | undefined {
  const points = values
    .map((value, index) => ({ x: xs[index] ?? 0, value }))
    .filter(({ value }) => Number.isFinite(value) && value > 0);
  const last = points.at(-1);
  if (!last || points.length < 2 || !(floor > 0)) return undefined;
  const low = Math.log(Math.min(floor, ...points.map(({ value }) => value)));
  const high = Math.log(Math.max(floor, ...points.map(({ value }) => value)));
  const margin = 2;
  const room = Math.max(1e-9, high - low);
  const place = (value: number): number =>
    height - margin - ((Math.log(value) - low) / room) * (height - 2 * margin);
  const across = (x: number): number => margin + (x / Math.max(1, xMax)) * (width - 2 * margin);
  const path = points
    .map(
      ({ x, value }, index) =>
        `${index === 0 ? 'M' : 'L'}${across(x).toFixed(1)} ${place(value).toFixed(1)}`,
    )
    .join('');
  return { path, floorY: place(floor), end: [across(last.x), place(last.value)] };
}
