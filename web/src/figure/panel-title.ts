/** What each panel is called, and how it is described to those who cannot see it. */
import { html, type TemplateResult } from 'lit';
import { particleCount } from './data/clip';
import {
  exactPoints,
  smoothedPoints,
  type DataConfig,
  type MethodConfig,
} from '../engine/protocol';
import type { Ends } from './draw/geometry';
import { formatCount, plural } from './format';
import type { PanelKind } from './scenes';
import type { RunKind, Session, Shown } from './session';

export interface PanelTitle {
  readonly heading: TemplateResult;
  readonly note: string;
  readonly label: string;
}

/** ", step 1,240" */
function stepOf(stepsDone: number | undefined): string {
  if (stepsDone === undefined) return '';
  return stepsDone === 0 ? ', untrained' : `, step ${formatCount(stepsDone)}`;
}

/** "Learned field", or what else it is of: another method, a run on own pairs. */
function runName(kind: RunKind | undefined, method: MethodConfig | null | undefined): string {
  if (method) return 'cnfSteps' in method ? 'CNF' : 'Normalizing flow';
  if (kind?.student) return 'One-step student';
  return kind && kind.rectified > 1 ? `${String(kind.rectified)}-rectified flow` : 'Learned field';
}

const lowered = (name: string) => (name.startsWith('CNF') ? name : name.toLowerCase());

/** How much work moved the cloud: "100 evaluations". */
function workOf(shown: Shown | null | undefined): string {
  return shown ? `${plural(shown.clip.functionEvaluations, 'evaluation')} a particle` : '';
}

function cloudOf(shown: Shown | null | undefined): string {
  return shown ? plural(particleCount(shown.clip), 'particle') : 'particles';
}

/** Only a mixture of Gaussians has an exact field in closed form; for other sets it is that of some of their points. */
function exactName(ends: Ends | undefined, ofClass: string): string {
  return `Exact field${ofPoints(ends)}${ofClass}`;
}

/** Of two ends in points there are fewer of each, as they are paired one with another. */
function ofPoints(ends: Ends | undefined): string {
  if (!ends || (isMixture(ends.data) && (!ends.source || isMixture(ends.source)))) return '';
  return ends.source ? ' of some points' : ` of ${formatCount(smoothedPoints)} points`;
}

function noiseOf(ends: Ends | undefined): string {
  return ends?.source ? 'start' : 'noise';
}

/** A few points, each with a Gaussian around it, are a mixture as well. */
function isMixture(data: DataConfig): boolean {
  if ('points' in data) return data.smoothing > 0 && data.points.length <= 2 * exactPoints;
  return !('dataSet' in data) || data.dataSet === 'eight_gaussians';
}

/** The integrals of the densities over the window, each null as long as it is not known. */
export interface Integrals {
  readonly exact: number | null;
  readonly learned: { readonly integral: number; readonly stepsDone: number } | null;
  /** Why there is no learned one, or nothing. */
  readonly absence?: string | undefined;
}

function integralNote(integral: number | null): string {
  return integral === null ? '' : `integrates to ${integral.toFixed(3)}`;
}

/** What a run is called by. */
type RunOf = Partial<Pick<Session, 'kind' | 'method'>>;

export function titleOf(
  kind: PanelKind,
  session: (Pick<Session, 'exact' | 'learned' | 'label'> & RunOf) | undefined,
  ends: Ends | undefined,
  integrals: Integrals = { exact: null, learned: null },
): PanelTitle {
  const label = session?.label ?? -1;
  const ofClass = label < 0 ? '' : `, class ${String(label)}`;
  const exact = session?.exact;
  const learned = session?.learned;
  const run = runName(session?.kind, session?.method);
  const learnedName = `${run}${stepOf(learned?.clip.stepsDone)}`;
  switch (kind) {
    case 'exact':
      return {
        heading: html`<span class="exact">${exactName(ends, ofClass)}</span>`,
        note: workOf(exact),
        label: `${cloudOf(exact)} moved by the ${exactName(ends, ofClass).toLowerCase()}`,
      };
    case 'learned':
      return {
        heading: html`<span class="learned">${learnedName}</span>`,
        note: workOf(learned),
        label: `The same ${noiseOf(ends)}, ${cloudOf(learned)}, moved by the ${lowered(run)}`,
      };
    case 'both':
      return {
        heading: html`<span class="exact">Exact</span> and
          <span class="learned">${lowered(learnedName)}</span>`,
        note: `same ${noiseOf(ends)}`,
        label: `The clouds of the exact and of the learned field, from the same ${noiseOf(ends)}`,
      };
    case 'exactDensity':
      return {
        heading: html`<span class="exact"
          >Exact<span class="long"> density</span>${ofPoints(ends)}</span
        >`,
        note: integralNote(integrals.exact),
        label: `Map of the exact density${ofPoints(ends)} at t = 1, and ${cloudOf(exact)}`,
      };
    case 'learnedDensity':
      return {
        heading: html`<span class="learned"
          >Learned<span class="long"> density</span>${stepOf(integrals.learned?.stepsDone)}</span
        >`,
        note: integrals.absence ?? integralNote(integrals.learned?.integral ?? null),
        label: `Map of the density that the learned field gives at t = 1, and ${cloudOf(learned)}`,
      };
    case 'difference':
      return {
        heading: html`Difference<span class="long"> of the fields</span>`,
        note: '',
        label: 'Map of the magnitude of the difference between the learned and the exact field',
      };
  }
}
