/**
 * Points of one's own between the three forms that they have: rows of numbers, the text of the setting
 * (setting.ts), and CSV that people edit. Reading CSV is the core's: it knows what spreadsheets write.
 */
import type { ParsedPoints } from '../engine/protocol';

/** x, y and perhaps a class. */
export type PointRow = readonly number[];

/**
 * The unit that coordinates are rounded to, a power of ten: a ten-thousandth to a thousandth of how far the points reach, which
 * nobody sees, and which makes a link of them short.
 */
export function roundingOf(rows: readonly PointRow[]): number {
  const spread = (column: number) => {
    let low = Infinity;
    let high = -Infinity;
    for (const row of rows) {
      low = Math.min(low, row[column] ?? 0);
      high = Math.max(high, row[column] ?? 0);
    }
    return high - low;
  };
  const widest = Math.max(spread(0), spread(1));
  const size = widest > 0 ? widest : Math.max(1, ...(rows[0] ?? []).map(Math.abs));
  return Number(`1e${String(Math.ceil(Math.log10(size)) - 4)}`);
}

function rounded(value: number, unit: number): number {
  const decimals = Math.max(0, -Math.round(Math.log10(unit)));
  // Adding 0 turns -0 into 0.
  return Number((Math.round(value / unit) * unit).toFixed(Math.min(decimals, 20))) + 0;
}

/** The text of the setting. */
export function pointsText(rows: readonly PointRow[]): string {
  const unit = roundingOf(rows);
  return rows
    .map(([x = 0, y = 0, ...label]) => [rounded(x, unit), rounded(y, unit), ...label].join('_'))
    .join(' ');
}

export function csvOf(rows: readonly PointRow[]): string {
  return rows.map((row) => row.join(', ')).join('\n');
}

/** Of points in the plane. */
export function rowsOf({ points, labels }: ParsedPoints): PointRow[] {
  return Array.from({ length: points.length / 2 }, (_, i) => {
    const place = [points[2 * i] ?? 0, points[2 * i + 1] ?? 0];
    return labels.length > 0 ? [...place, labels[i] ?? 0] : place;
  });
}
