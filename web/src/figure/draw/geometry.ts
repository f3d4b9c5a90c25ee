/**
 * Where things are: the square window of the plane that a panel shows, its map to pixels, and the grids
 * on which fields are asked for. The x axis points right, the y axis up, one scale for both.
 */
import type { Grid, ExperimentConfig } from '../../engine/protocol';

/** A square canvas that shows [-half, half] x [-half, half] of the plane. */
export interface Viewport {
  /** Side of the canvas in device pixels. */
  readonly size: number;
  /** Half the side of the window, in units of the plane. */
  readonly half: number;
  /** Device pixels a CSS pixel: line widths and dots are given in CSS pixels. */
  readonly pixelRatio: number;
}

/** Where a flow begins and where it ends. */
export type Ends = Pick<ExperimentConfig, 'data' | 'source'>;

/** Device pixels a unit of the plane. */
export function scaleOf(viewport: Viewport): number {
  return viewport.size / (2 * viewport.half);
}

export function toPixelX(viewport: Viewport, x: number): number {
  return (x + viewport.half) * scaleOf(viewport);
}

export function toPixelY(viewport: Viewport, y: number): number {
  return (viewport.half - y) * scaleOf(viewport);
}

/** The two numbers a, b with pixel = a + b * coordinate, for loops over many points. */
export function affineX(viewport: Viewport): [offset: number, slope: number] {
  return [viewport.size / 2, scaleOf(viewport)];
}

export function affineY(viewport: Viewport): [offset: number, slope: number] {
  return [viewport.size / 2, -scaleOf(viewport)];
}

/**
 * Half the side of the window that holds the noise and the data, five standard deviations around each:
 * 15 for the blog's ring of radius 10. `reach`: the largest coordinate of other data, or of a source.
 */
export function windowHalf({ data, source }: Ends, reach = 0): number {
  const isRing = 'components' in data && source === null;
  return windowAround(isRing ? data.radius + 5 * data.standardDeviation : 1.08 * reach);
}

/** The same for something that reaches as far as that. */
export function windowAround(reach: number): number {
  const step = niceStep(Math.max(5, reach) / 10);
  return Math.ceil(Math.max(5, reach) / step - 1e-9) * step;
}

/** 1, 2 or 5 times a power of ten: the largest that is not above `rough`. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const ratio = rough / power;
  return (ratio >= 5 - 1e-9 ? 5 : ratio >= 2 - 1e-9 ? 2 : 1) * power;
}

/** Tick positions inside the window, symmetric about 0, about two to either side. */
export function ticks(half: number): number[] {
  const step = niceStep(half / 1.5);
  const count = Math.floor(half / step - 1e-9);
  return Array.from({ length: 2 * count + 1 }, (_, index) => (index - count) * step);
}

/** The grid of arrows: its outermost points lie half a cell inside the window. */
export function arrowGrid(half: number, columns = 15): Grid {
  const edge = half * (1 - 1 / columns);
  return { xMin: -edge, xMax: edge, yMin: -edge, yMax: edge, columns, rows: columns };
}

/** The grid of a map that fills the window, its outermost points on the edge. */
export function mapGrid(half: number, columns = 72): Grid {
  return { xMin: -half, xMax: half, yMin: -half, yMax: half, columns, rows: columns };
}

/** Coordinates of grid point `index`, counted row by row from (xMin, yMin). */
export function gridPoint(grid: Grid, index: number): [x: number, y: number] {
  const column = index % grid.columns;
  const row = Math.floor(index / grid.columns);
  const dx = grid.columns > 1 ? (grid.xMax - grid.xMin) / (grid.columns - 1) : 0;
  const dy = grid.rows > 1 ? (grid.yMax - grid.yMin) / (grid.rows - 1) : 0;
  return [grid.xMin + column * dx, grid.yMin + row * dy];
}

/**
 * The time over which an arrow shows the way: such that the velocities of a flow that reaches across the
 * window in one unit of time stay about within their cells.
 */
export function arrowTime(grid: Grid): number {
  return 1 / grid.columns;
}

/** How many particles show their way: enough to see the flow, few enough to follow one. */
export const trajectoryCount = 150;
