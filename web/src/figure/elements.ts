/** Registers the figure and its parts. */
import { define } from './controls/define';
import { LossChart } from './controls/loss-chart';
import { QualityTable } from './controls/quality-table';
import { SettingField } from './controls/setting-field';
import { SettingsPanel } from './controls/settings-panel';
import { TimeControl } from './controls/time-control';
import { TrainingStrip } from './controls/training-strip';
import { ViewBar } from './controls/view-bar';
import { FlowMatching } from './flow-matching';

/** The parts before the whole, so that the whole finds them. */
export function defineElements(): void {
  define('flow-matching-time', TimeControl);
  define('flow-matching-view', ViewBar);
  define('flow-matching-training', TrainingStrip);
  define('flow-matching-loss', LossChart);
  define('flow-matching-quality', QualityTable);
  define('flow-matching-setting', SettingField);
  define('flow-matching-settings', SettingsPanel);
  define('flow-matching', FlowMatching);
}
