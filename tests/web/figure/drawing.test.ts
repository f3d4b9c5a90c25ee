import { describe, expect, it } from 'vitest';
import { arrowGrid, arrowTime } from '../../../web/src/figure/draw/geometry';
import { arrowStride } from '../../../web/src/figure/draw/arrows';
import {
  colorTable,
  cssGradient,
  packColor,
  parseColor,
  through,
} from '../../../web/src/figure/draw/color-table';
import { densityIndex } from '../../../web/src/figure/draw/density';
import { differencePosition, differenceTicks } from '../../../web/src/figure/draw/difference';
import { differenceOpacity } from '../../../web/src/figure/draw/difference-layer';
import { upsample, upsampledSize, upsampling } from '../../../web/src/figure/draw/field-image';
import { palettes } from '../../../web/src/figure/draw/palette';
import {
  developInk,
  hazeFrom,
  inkOpacities,
  inkStrength,
  spreadInk,
} from '../../../web/src/figure/draw/haze';
import { dotStamp, dotStyle, stampDots } from '../../../web/src/figure/draw/particles';
import { tracePath } from '../../../web/src/figure/draw/trajectories';

const alphaOf = (pixel: number | undefined) => (pixel ?? 0) >>> 24;

describe('colours', () => {
  it('are packed as image data has them', () => {
    expect(packColor('#0072b2')).toBe(0xffb27200);
    expect(packColor('rgb(255, 0, 1)', 128)).toBe(0x800100ff);
    expect(parseColor('#D55E00')).toEqual([213, 94, 0]);
  });

  it('of a table begin at the ground and end at the map', () => {
    const table = colorTable(() => 'rgb(10, 20, 30)', '#ffffff');
    expect(table[0]).toBe(packColor('#ffffff'));
    expect(table[255]).toBe(packColor('rgb(10, 20, 30)'));
    expect(cssGradient(table, 2)).toBe(
      'linear-gradient(to right, rgb(255 255 255), rgb(10 20 30))',
    );
  });

  it('of a map lie on straight lines between its stops', () => {
    const map = through('#000000', '#640000', '#6464c8');
    const at = (u: number) => parseColor(map(u));
    expect([-1, 0, 0.25, 0.5, 0.75, 1, 2].map(at)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [50, 0, 0],
      [100, 0, 0],
      [100, 50, 100],
      [100, 100, 200],
      [100, 100, 200],
    ]);
  });

  it('of each map leave the ground steadily, in both themes', () => {
    const light = (pixel: number) =>
      0.2126 * (pixel & 255) + 0.7152 * ((pixel >> 8) & 255) + 0.0722 * ((pixel >> 16) & 255);
    for (const { theme, density, difference } of Object.values(palettes)) {
      for (const map of [density, difference]) {
        const steps = [0, 64, 128, 192, 255].map((index) => light(map[index] ?? 0));
        const ascending = [...steps].sort((a, b) => a - b);
        expect(steps).toEqual(theme === 'dark' ? ascending : ascending.reverse());
      }
    }
  });
});

describe('particles', () => {
  const viewport = { size: 40, half: 20, pixelRatio: 1 };

  it('leave the opacity of a disc, whatever the fraction of a pixel they stand at', () => {
    for (const diameter of [1.4, 3, 5.5]) {
      for (const stamp of dotStamp(diameter, 1).stamps) {
        const area = stamp.reduce((sum, alpha) => sum + alpha, 0) / 255;
        expect(area).toBeGreaterThan(0.85 * Math.PI * (diameter / 2) ** 2);
        expect(area).toBeLessThan(1.35 * Math.PI * (diameter / 2) ** 2);
      }
    }
  });

  it('are where they belong, in their colour', () => {
    const pixels = new Uint32Array(40 * 40);
    stampDots(pixels, 40, Float32Array.of(10.5, 10.5), viewport, dotStamp(3, 1), '#0072b2');
    const at = (x: number, y: number) => pixels[y * 40 + x];
    expect(alphaOf(at(30, 9))).toBe(255);
    expect((at(30, 9) ?? 0) & 0xffffff).toBe(0xb27200);
    expect(alphaOf(at(9, 30))).toBe(0);
  });

  it('grow denser where they overlap, and never wrap around', () => {
    const dot = dotStamp(3, 0.5);
    const once = new Uint32Array(1600);
    const often = new Uint32Array(1600);
    stampDots(once, 40, Float32Array.of(0.5, 0.5), viewport, dot, '#d55e00');
    stampDots(often, 40, new Float32Array(2000).fill(0.5), viewport, dot, '#d55e00');
    const middle = 19 * 40 + 20;
    expect(alphaOf(once[middle])).toBeCloseTo(128, -1);
    expect(alphaOf(often[middle])).toBeGreaterThan(250);
  });

  it('outside the window, or nowhere at all, leave nothing', () => {
    const pixels = new Uint32Array(1600);
    const nowhere = Float32Array.of(100, 0, 0, -100, NaN, 0, 0, Infinity, 20, 20);
    stampDots(pixels, 40, nowhere, viewport, dotStamp(3, 1), '#d55e00');
    expect(pixels.some((pixel) => pixel !== 0)).toBe(false);
  });

  it('are finer in denser clouds', () => {
    expect(dotStyle(5000, 500).diameter).toBeLessThan(dotStyle(500, 500).diameter);
    expect(dotStyle(2000, 165).diameter).toBeLessThan(dotStyle(2000, 700).diameter);
  });
});

describe('the haze of a large cloud', () => {
  const viewport = { size: 40, half: 20, pixelRatio: 1 };
  const inkOf = (...positions: number[]) => {
    const ink = new Float32Array(40 * 40);
    spreadInk(ink, Float32Array.of(...positions), viewport);
    return ink;
  };
  const total = (ink: Float32Array) => ink.reduce((sum, amount) => sum + amount, 0);

  it('has one drop for each particle, where it belongs', () => {
    // The middle of the pixel in column 30, row 9; then the corner of four of them.
    expect(inkOf(10.5, 10.5)[9 * 40 + 30]).toBe(1);
    const corner = inkOf(10, 10);
    for (const at of [9 * 40 + 29, 9 * 40 + 30, 10 * 40 + 29, 10 * 40 + 30]) {
      expect(corner[at]).toBe(0.25);
    }
    const anywhere = Array.from({ length: 200 }, (_, i) => 15 * Math.sin(i * i));
    expect(total(inkOf(...anywhere))).toBeCloseTo(100, 3);
  });

  it('has none of a particle outside the window, or nowhere at all', () => {
    expect(total(inkOf(100, 0, 0, -100, NaN, 0, 0, Infinity, 20, 20))).toBe(0);
  });

  it('is as opaque as the ink makes it, in its colour, and is gone for the next frame', () => {
    const ink = Float32Array.of(0, 1, 2, 1e6);
    const pixels = new Uint32Array(4).fill(1);
    developInk(ink, pixels, inkOpacities(Math.log(2)), '#0072b2');
    expect([...pixels].map(alphaOf)).toEqual([0, 128, 191, 255]);
    expect((pixels[1] ?? 0) & 0xffffff).toBe(0xb27200);
    expect([...ink]).toEqual([0, 0, 0, 0]);
  });

  it('is fainter a particle the more there are, but still to be seen', () => {
    expect(inkStrength(100_000, 450)).toBeLessThan(inkStrength(30_000, 450));
    expect(inkStrength(hazeFrom, 450)).toBeGreaterThan(1);
    expect(inkOpacities(inkStrength(100_000, 450))[64]).toBeGreaterThan(40);
  });
});

describe('fields as images', () => {
  it('keep the values at the grid points', () => {
    const columns = 4;
    const size = upsampledSize(columns);
    const values = Float32Array.from({ length: 16 }, (_, index) => Math.sin(index));
    const out = new Float32Array(size * size);
    upsample(values, columns, out, new Float32Array(columns * size));
    for (let row = 0; row < columns; row++) {
      for (let column = 0; column < columns; column++) {
        expect(out[row * upsampling * size + column * upsampling]).toBeCloseTo(
          values[row * columns + column] ?? NaN,
        );
      }
    }
  });

  it('are exact for a quadratic inside, such as the log-density of a Gaussian', () => {
    const columns = 7;
    const size = upsampledSize(columns);
    const f = (x: number, y: number) => 1 + x - 2 * y + x * x + 0.5 * y * y;
    const values = Float32Array.from({ length: 49 }, (_, i) => f(i % 7, Math.floor(i / 7)));
    const out = new Float32Array(size * size);
    upsample(values, columns, out, new Float32Array(columns * size));
    for (let i = upsampling; i < size - upsampling; i++) {
      for (let j = upsampling; j < size - upsampling; j++) {
        expect(out[i * size + j]).toBeCloseTo(f(j / upsampling, i / upsampling), 4);
      }
    }
  });

  it('show the density linearly, from nothing to its peak', () => {
    expect(densityIndex(-3, -3)).toBe(255);
    expect(densityIndex(-3 + Math.log(0.5), -3)).toBeCloseTo(128, -0.5);
    expect(densityIndex(-100, -3)).toBe(0);
    expect(densityIndex(NaN, -3)).toBe(0);
  });

  it('show the difference on a logarithmic scale whose ticks lie on it', () => {
    expect(differencePosition(0)).toBe(0);
    expect(differencePosition(0.1)).toBeCloseTo(0);
    expect(differencePosition(1)).toBeCloseTo(0.5);
    expect(differencePosition(1000)).toBe(1);
    const places = differenceTicks.map(differencePosition);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

describe('the difference map', () => {
  it('fades where there is next to no density', () => {
    expect(differenceOpacity(0)).toBe(1);
    expect(differenceOpacity(-6)).toBe(1);
    expect(differenceOpacity(-10)).toBeLessThan(0.9);
    expect(differenceOpacity(-1000)).toBeLessThan(0.1);
  });
});

describe('lines', () => {
  it('follow a particle from frame to frame', () => {
    const clip = {
      times: Float64Array.of(0, 0.25, 0.5, 0.75, 1),
      positions: Float32Array.from({ length: 5 * 2 * 2 }, (_, index) => Math.floor(index / 4)),
      arrows: null,
      functionEvaluations: 1,
      stepsDone: 0,
      seconds: 0,
    };
    const points: number[] = [];
    const path = {
      moveTo: (x: number) => void points.push(x),
      lineTo: (x: number) => void points.push(x),
    };
    tracePath(path, { size: 20, half: 10, pixelRatio: 1 }, clip, 1, 0, 4, 3);
    expect(points).toEqual([10, 13, 14]);
  });

  it('of arrows are thinned in small panels', () => {
    const grid = arrowGrid(15);
    expect(arrowStride(grid, { size: 1000, half: 15, pixelRatio: 2 })).toBe(1);
    expect(arrowStride(grid, { size: 320, half: 15, pixelRatio: 2 })).toBe(2);
    expect(arrowTime(grid)).toBeCloseTo(1 / 15);
  });
});
