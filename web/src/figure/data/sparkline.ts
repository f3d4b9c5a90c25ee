/** A little history as an SVG path: a logarithmic axis, shared with the floor that the values approach, if there is one. */

export interface Sparkline {
  readonly path: string;
  /** Height of the floor's line; null without one. */
  readonly floorY: number | null;
  /** Where the last point is. */
  readonly end: readonly [x: number, y: number];
}

/** `xs` from 0 to `xMax`; values and floor above 0, or no floor (null). Undefined with fewer than two points. */
export function sparkline(
  xs: readonly number[],
  values: readonly number[],
  floor: number | null,
  xMax: number,
  width: number,
  height: number,
): Sparkline | undefined {
  const points = values
    .map((value, index) => ({ x: xs[index] ?? 0, value }))
    .filter(({ value }) => Number.isFinite(value) && value > 0);
  const last = points.at(-1);
  if (!last || points.length < 2 || (floor !== null && !(floor > 0))) return undefined;
  const all = points.map(({ value }) => value).concat(floor ?? []);
  const low = Math.log(Math.min(...all));
  const high = Math.log(Math.max(...all));
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
  return {
    path,
    floorY: floor === null ? null : place(floor),
    end: [across(last.x), place(last.value)],
  };
}
