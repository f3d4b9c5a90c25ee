/** The part of a figure for data and settings of the reader's own: only who asks for another target needs it. */
import { define } from './controls/define';
import { DrawingArea } from './controls/drawing-area';
import { MixtureEditor } from './controls/mixture-editor';
import { NumberField } from './controls/number-field';
import { PointsEditor } from './controls/points-editor';
import { SetParameters } from './controls/set-parameters';

export { readRunConfig } from '../state/read-run-config';

export function defineOwnData(): void {
  define('flow-matching-number', NumberField);
  define('flow-matching-set-parameters', SetParameters);
  define('flow-matching-mixture', MixtureEditor);
  define('flow-matching-drawing', DrawingArea);
  define('flow-matching-points', PointsEditor);
}
