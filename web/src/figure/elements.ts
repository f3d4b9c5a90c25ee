/** Registers the figure and its parts. */
import { define } from './controls/define';
import { QualityTable } from './controls/quality-table';
import { SettingField } from './controls/setting-field';
import { SettingsPanel } from './controls/settings-panel';
import { ShareLink } from './controls/share-link';
import { TimeControl } from './controls/time-control';
import { TrainingStrip } from './controls/training-strip';
import { ViewBar } from './controls/view-bar';
import { FlowMatching } from './flow-matching';

/** In the order in which a reader needs them. */
const elements: readonly (readonly [name: string, element: CustomElementConstructor])[] = [
  ['flow-matching', FlowMatching],
  ['flow-matching-time', TimeControl],
  ['flow-matching-view', ViewBar],
  ['flow-matching-training', TrainingStrip],
  ['flow-matching-quality', QualityTable],
  ['flow-matching-setting', SettingField],
  ['flow-matching-settings', SettingsPanel],
  ['flow-matching-share', ShareLink],
];

/**
 * Each in a task of its own, so that no task of the page's opening is long. Until its turn comes, a part
 * takes up its room (style/figure.ts). The chart comes in a file of its own, after what the reader waits for.
 */
export function defineElements(): void {
  for (const [name, element] of elements) setTimeout(define, 0, name, element);
  setTimeout(() => {
    void defineChart();
  });
}

async function defineChart(): Promise<void> {
  const { LossChart } = await import('./controls/loss-chart');
  define('flow-matching-loss', LossChart);
}
