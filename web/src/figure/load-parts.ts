/**
 * Brings the parts of a figure, which come in files of their own: the reader waits for the particles, not for
 * the controls below them. Until a part is there, its room is (style/figure.ts).
 */
import { define } from './controls/define';

let loading = false;

/** For all figures of the page, once; what could not be fetched is tried again at the next call. */
export async function loadParts(): Promise<void> {
  if (loading) return;
  loading = true;
  try {
    const chart = loadChart();
    const { defineParts } = await import('./parts');
    defineParts();
    await chart;
  } catch {
    loading = false;
  }
}

async function loadChart(): Promise<void> {
  const { LossChart } = await import('./controls/loss-chart');
  define('flow-matching-loss', LossChart);
}
