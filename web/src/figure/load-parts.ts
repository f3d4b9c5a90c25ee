/**
 * Brings the parts of a figure, which come in files of their own: the reader waits for the particles, not for
 * the controls below them. Until a part is there, its room is (style/figure.ts).
 */
import { define } from './controls/define';
import type * as OwnData from './own-data';
import type * as Parts from './parts';

let loading: Promise<typeof Parts> | undefined;

/** Once for all figures of the page; undefined if they cannot be fetched, which the next call tries again. */
export async function loadParts(): Promise<typeof Parts | undefined> {
  try {
    return await (loading ??= load());
  } catch {
    loading = undefined;
    return undefined;
  }
}

async function load(): Promise<typeof Parts> {
  void loadChart();
  const parts = await import('./parts');
  parts.defineParts();
  return parts;
}

/** What only who brings data or settings of their own needs. Rejects if it cannot be fetched. */
export const loadOwnData = (): Promise<typeof OwnData> => import('./own-data');
export type LoadOwnData = typeof loadOwnData;

async function loadChart(): Promise<void> {
  const { LossChart } = await import('./controls/loss-chart');
  define('flow-matching-loss', LossChart);
}
