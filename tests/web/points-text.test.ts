// Points of one's own between rows, the text of a link, and CSV.
import { describe, expect, it } from 'vitest';
import { csvOf, pointsText, roundingOf, rowsOf } from '../../web/src/state/points-text';
import { rowsIn } from '../../web/src/state/setting';
import { readValue } from '../../web/src/state/link';

describe('the text of points', () => {
  it('is rounded to a power of ten that nobody sees, and is what the setting reads', () => {
    const rows = [
      [1.23456, -0.00004],
      [-2.5, 3.99951],
    ];
    expect(roundingOf(rows)).toBe(0.001);
    const text = pointsText(rows);
    expect(text).toBe('1.235_0 -2.5_4');
    expect(readValue('points', text)).toEqual({ ok: true, value: text });
  });

  it('is as fine as the points are close, wherever they lie', () => {
    const near = [
      [1000.00001, 5],
      [1000.00004, 5],
    ];
    expect(roundingOf(near)).toBe(1e-8);
    expect(rowsIn(pointsText(near))).toEqual(near);
    const far = [
      [-9e5, 1],
      [9e5, 123456],
    ];
    expect(roundingOf(far)).toBe(1000);
    expect(pointsText(far)).toBe('-900000_0 900000_123000');
    // One point has no extent: its own size counts.
    expect(pointsText([[12.3456, 0]])).toBe('12.35_0');
    expect(pointsText([[0, 0]])).toBe('0_0');
  });

  it('rounds by less than a thousandth of how far the points reach', () => {
    for (const size of [1e-3, 0.5, 1, 9.99, 10, 10.01, 77, 12345]) {
      const rows = [
        [0, 0],
        [size, size / 3],
      ];
      expect(roundingOf(rows)).toBeLessThanOrEqual(size / 1000);
      expect(roundingOf(rows)).toBeGreaterThanOrEqual(size / 10_001);
    }
  });

  it('keeps classes whole', () => {
    const rows = [
      [1, 2, 0],
      [3, 4, 12],
    ];
    expect(pointsText(rows)).toBe('1_2_0 3_4_12');
    expect(csvOf(rows)).toBe('1, 2, 0\n3, 4, 12');
  });

  it('comes of what the engine has read', () => {
    const points = Float32Array.of(1, 2, 3, 4);
    const plain = { points, columns: 2, labels: new Int32Array(0) };
    expect(rowsOf(plain)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(rowsOf({ ...plain, labels: Int32Array.of(0, 7) })).toEqual([
      [1, 2, 0],
      [3, 4, 7],
    ]);
  });
});
