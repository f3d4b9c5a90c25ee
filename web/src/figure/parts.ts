/** The parts of a figure: all that a reader uses, and nobody waits for. */
import { define } from './controls/define';
import { OpenSettings } from './controls/open-settings';
import { QualityTable } from './controls/quality-table';
import { SettingField } from './controls/setting-field';
import { SettingsPanel } from './controls/settings-panel';
import { ShareLink } from './controls/share-link';
import { StraightenPanel } from './controls/straighten-panel';
import { TimeControl } from './controls/time-control';
import { TrainingStrip } from './controls/training-strip';
import { ViewBar } from './controls/view-bar';

export { keyOfProblem } from '../state/problems';
export * as overlays from './draw/overlays';
export { AddressBar, linkState, linkTo } from './address';
export { Announcer } from './announcer';
export { ignoredNotice, untold } from './ignored';
export { Likelihoods } from './likelihoods';
export { LossViewer, qualityOf, runOf } from './part-views';
export { Straightening } from './straightening';
export { summarise } from './summary';

/** In the order in which a reader needs them. */
const parts: readonly (readonly [name: string, element: CustomElementConstructor])[] = [
  ['flow-matching-time', TimeControl],
  ['flow-matching-view', ViewBar],
  ['flow-matching-training', TrainingStrip],
  ['flow-matching-quality', QualityTable],
  ['flow-matching-straighten', StraightenPanel],
  ['flow-matching-setting', SettingField],
  ['flow-matching-open', OpenSettings],
  ['flow-matching-settings', SettingsPanel],
  ['flow-matching-share', ShareLink],
];

/** Registers each in a task of its own, so that no task is long. */
export function defineParts(): void {
  for (const [name, element] of parts) setTimeout(define, 0, name, element);
}
