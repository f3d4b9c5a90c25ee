/** Registers the figure and its parts. */
import { define } from './controls/define';
import { LossChart } from './controls/loss-chart';
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
  ['flow-matching-loss', LossChart],
  ['flow-matching-quality', QualityTable],
  ['flow-matching-setting', SettingField],
  ['flow-matching-settings', SettingsPanel],
  ['flow-matching-share', ShareLink],
];

/**
 * Each in a task of its own, so that no task of the page's opening is long. Until its turn comes, a part
 * takes up its room (style/figure.ts).
 */
export function defineElements(): void {
  for (const [name, element] of elements) setTimeout(define, 0, name, element);
}
