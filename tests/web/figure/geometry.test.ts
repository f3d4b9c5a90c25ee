import { describe, expect, it } from 'vitest';
import type { DataConfig } from '../../../web/src/engine/protocol';
import {
  affineX,
  affineY,
  arrowGrid,
  gridPoint,
  mapGrid,
  niceStep,
  ticks,
  toPixelX,
  toPixelY,
  windowHalf,
  type Viewport,
} from '../../../web/src/figure/draw/geometry';

const ring = { components: 11 };
const halfOf = (data: DataConfig, reach?: number, source: DataConfig | null = null) =>
  windowHalf({ data, source }, reach);

const viewport: Viewport = { size: 600, half: 15, pixelRatio: 2 };

describe('the window', () => {
  it("is [-15, 15] squared for the blog's ring", () => {
    expect(halfOf({ ...ring, radius: 10, standardDeviation: 1 })).toBe(15);
  });

  it('holds other data as far as the engine says that it reaches, with some room', () => {
    expect(halfOf({ dataSet: 'moons' }, 3)).toBe(5);
    expect(halfOf({ dataSet: 'moons' })).toBe(5);
    const points = { points: Float32Array.of(40, 0), smoothing: 0 };
    expect(halfOf(points, 40)).toBeGreaterThan(42);
    expect(halfOf(points, 40)).toBeLessThan(60);
    // A ring says it itself.
    expect(halfOf({ ...ring, radius: 10, standardDeviation: 1 }, 3)).toBe(15);
  });

  it('holds the noise when the data is small, and five deviations of data that is large', () => {
    expect(halfOf({ ...ring, radius: 0, standardDeviation: 0.01 })).toBe(5);
    expect(halfOf({ ...ring, radius: 100, standardDeviation: 10 })).toBeGreaterThanOrEqual(150);
    for (const radius of [0, 1, 3, 7.3, 42, 99]) {
      const half = halfOf({ ...ring, radius, standardDeviation: 0.5 });
      expect(half).toBeGreaterThanOrEqual(Math.max(5, radius + 2.5));
      expect(half).toBeLessThanOrEqual(1.25 * Math.max(5, radius + 2.5));
    }
  });
});

describe('the map to pixels', () => {
  it('has the origin in the middle, x to the right, y up, and one scale', () => {
    expect(toPixelX(viewport, 0)).toBe(300);
    expect(toPixelY(viewport, 0)).toBe(300);
    expect(toPixelX(viewport, 15)).toBe(600);
    expect(toPixelY(viewport, 15)).toBe(0);
    expect(toPixelX(viewport, 1) - 300).toBeCloseTo(300 - toPixelY(viewport, 1));
  });

  it('is the same as its two affine numbers', () => {
    const [x0, xScale] = affineX(viewport);
    const [y0, yScale] = affineY(viewport);
    for (const value of [-15, -3.7, 0, 11]) {
      expect(x0 + xScale * value).toBeCloseTo(toPixelX(viewport, value));
      expect(y0 + yScale * value).toBeCloseTo(toPixelY(viewport, value));
    }
  });
});

describe('ticks', () => {
  it('are round, symmetric and inside', () => {
    expect(ticks(15)).toEqual([-10, 0, 10]);
    expect(ticks(5)).toEqual([-4, -2, 0, 2, 4]);
    for (const half of [0.7, 3, 8, 20, 150]) {
      const values = ticks(half);
      expect(values.length).toBeGreaterThanOrEqual(3);
      expect(values.length).toBeLessThanOrEqual(7);
      expect(Math.max(...values)).toBeLessThan(half);
      expect(values).toEqual(values.map((value) => -value + 0).reverse());
    }
  });

  it('step by 1, 2 or 5 times a power of ten', () => {
    expect([1, 1.9, 2, 4.9, 5, 9.9, 10, 0.03].map(niceStep)).toEqual([1, 1, 2, 2, 5, 5, 10, 0.02]);
  });
});

describe('grids', () => {
  it('of arrows keep half a cell from the edge', () => {
    const grid = arrowGrid(15);
    expect(grid.xMin).toBeCloseTo(-14);
    expect(grid.xMax).toBeCloseTo(14);
    expect(gridPoint(grid, 0)).toEqual([grid.xMin, grid.yMin]);
    const [x, y] = gridPoint(grid, grid.columns + 1);
    expect(x).toBeCloseTo(-12);
    expect(y).toBeCloseTo(-12);
  });

  it('of maps reach the edge', () => {
    const grid = mapGrid(15, 5);
    expect(gridPoint(grid, 4)).toEqual([15, -15]);
    expect(gridPoint(grid, 24)).toEqual([15, 15]);
    expect(gridPoint(grid, 12)).toEqual([0, 0]);
  });
});
