/** What the parts of a figure show of its session: plain values, made anew whenever something has changed. */
import type { Key, State } from '../state/settings';
import type { LossView } from './controls/loss-chart';
import type { Quality } from './controls/quality-table';
import type { Run } from './controls/training-strip';
import type { Likelihoods } from './likelihoods';
import type { Session } from './session';
import type { Straightening } from './straightening';

/** `waiting`: the settings that wait for a restart. */
export function runOf(session: Session | undefined, waiting: readonly Key[]): Run {
  return {
    phase: session?.phase ?? 'loading',
    stepsDone: session?.stepsDone ?? 0,
    stepsTotal: session?.stepsTotal ?? 0,
    stepsPerSecond: session?.stepsPerSecond ?? NaN,
    secondsLeft: session?.secondsLeft ?? NaN,
    trainingSeconds: session?.trainingSeconds ?? 0,
    diverged: session?.diverged ?? false,
    stopped: session?.stopped ?? null,
    stopMetric: session?.config?.stop?.metric ?? 'none',
    tier: session?.created?.tier ?? null,
    waiting,
  };
}

export function qualityOf(
  session: Session | undefined,
  likelihoods: Pick<Likelihoods, 'data' | 'history'> | undefined,
  straightening: Straightening | undefined,
): Quality {
  return {
    likelihood: likelihoods?.data ?? null,
    likelihoodHistory: likelihoods?.history ?? [],
    latest: session?.metrics ?? null,
    history: session?.metricsHistory ?? [],
    straightening: straightening ?? null,
    stepsTotal: session?.stepsTotal ?? 1,
  };
}

/** Milliseconds between two redrawings of the loss chart while training. */
const chartPause = 250;

/** Makes the view of the loss chart, the same one as long as the chart need not be drawn again. */
export class LossViewer {
  #view: LossView | undefined;
  #made = { at: -Infinity, history: undefined as object | undefined, steps: -1, irreducible: NaN };

  view(session: Session | undefined, state: State): LossView {
    const now = performance.now();
    const history = session?.loss;
    const steps = history?.stepsSeen ?? 0;
    const irreducible = session?.irreducibleLoss ?? NaN;
    const made = this.#made;
    const sameRun = history === made.history && Object.is(irreducible, made.irreducible);
    const hurried = session?.phase === 'training' && now - made.at < chartPause;
    if (this.#view && sameRun && (steps === made.steps || hurried)) return this.#view;
    this.#made = { at: now, history, steps, irreducible };
    this.#view = {
      series: history?.series() ?? { steps: [], raw: [], smoothed: [], stepsPerPoint: 1 },
      last: history?.last ?? NaN,
      lastSmoothed: history?.lastSmoothed ?? NaN,
      stepsTotal: session?.config?.steps ?? state.steps,
      irreducible: Number.isNaN(irreducible) ? null : irreducible,
      schedule: state.schedule,
      coupling: state.coupling,
      ownPairs: session !== undefined && session.before !== null,
      byLikelihood: session?.method !== null && session?.method !== undefined,
    };
    return this.#view;
  }
}
