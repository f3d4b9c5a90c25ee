/** The points of a regular grid. */
import type { Grid } from './protocol';

/** Row by row from (xMin, yMin), two coordinates a point; a single column or row stands in the middle. */
export function gridPoints(grid: Grid): Float32Array<ArrayBuffer> {
  const { columns, rows } = grid;
  const points = new Float32Array(columns * rows * 2);
  const xs = ticks(grid.xMin, grid.xMax, columns);
  const ys = ticks(grid.yMin, grid.yMax, rows);
  let next = 0;
  for (const y of ys) {
    for (const x of xs) {
      points[next++] = x;
      points[next++] = y;
    }
  }
  return points;
}

function ticks(from: number, to: number, count: number): number[] {
  if (count === 1) return [(from + to) / 2];
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}
