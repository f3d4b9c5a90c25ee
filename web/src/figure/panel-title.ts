/** What each panel is called, and how it is described to those who cannot see it. */
import { html, type TemplateResult } from 'lit';
import { particleCount } from './data/clip';
import { smoothedPoints } from '../engine/protocol';
import type { State } from '../state/settings';
import { formatCount, plural } from './format';
import type { PanelKind } from './scenes';
import type { Session, Shown } from './session';

export interface PanelTitle {
  readonly heading: TemplateResult;
  readonly note: string;
  readonly label: string;
}

/** "Learned field, step 1,240" */
function learnedName(shown: Shown | null | undefined): string {
  if (!shown) return 'Learned field';
  const { stepsDone } = shown.clip;
  return `Learned field, ${stepsDone === 0 ? 'untrained' : `step ${formatCount(stepsDone)}`}`;
}

/** How much work moved the cloud: "100 evaluations". */
function workOf(shown: Shown | null | undefined): string {
  return shown ? `${plural(shown.clip.functionEvaluations, 'evaluation')} a particle` : '';
}

function cloudOf(shown: Shown | null | undefined): string {
  return shown ? plural(particleCount(shown.clip), 'particle') : 'particles';
}

/** Only a mixture of Gaussians has an exact field in closed form; for other sets it is that of some of their points. */
function exactName(dataSet: State['dataSet']): string {
  const closed = dataSet === 'ring' || dataSet === 'eight_gaussians';
  return closed ? 'Exact field' : `Exact field of ${formatCount(smoothedPoints)} points`;
}

export function titleOf(
  kind: PanelKind,
  session: Pick<Session, 'exact' | 'learned'> | undefined,
  dataSet: State['dataSet'],
): PanelTitle {
  const exact = session?.exact;
  const learned = session?.learned;
  switch (kind) {
    case 'exact':
      return {
        heading: html`<span class="exact">${exactName(dataSet)}</span>`,
        note: workOf(exact),
        label: `${cloudOf(exact)} moved by the ${exactName(dataSet).toLowerCase()}`,
      };
    case 'learned':
      return {
        heading: html`<span class="learned">${learnedName(learned)}</span>`,
        note: workOf(learned),
        label: `The same noise, ${cloudOf(learned)}, moved by the learned field`,
      };
    case 'both':
      return {
        heading: html`<span class="exact">Exact</span> and
          <span class="learned">${learnedName(learned).toLowerCase()}</span>`,
        note: 'same noise',
        label: 'The clouds of the exact and of the learned field, from the same noise',
      };
    case 'difference':
      return {
        heading: html`Difference<span class="long"> of the fields</span>`,
        note: '',
        label: 'Map of the magnitude of the difference between the learned and the exact field',
      };
  }
}
