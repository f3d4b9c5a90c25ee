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

/** The rectangle of the cells around the points: half a cell wider than the grid on each side. */
export function gridCells(grid: Grid): {
  xLow: number;
  xHigh: number;
  yLow: number;
  yHigh: number;
  columns: number;
  rows: number;
} {
  const { columns, rows } = grid;
  const x = columns > 1 ? (grid.xMax - grid.xMin) / (columns - 1) / 2 : 0;
  const y = rows > 1 ? (grid.yMax - grid.yMin) / (rows - 1) / 2 : 0;
  return {
    xLow: grid.xMin - x,
    xHigh: grid.xMax + x,
    yLow: grid.yMin - y,
    yHigh: grid.yMax + y,
    columns,
    rows,
  };
}

function ticks(from: number, to: number, count: number): number[] {
  if (count === 1) return [(from + to) / 2];
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}
