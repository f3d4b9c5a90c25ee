/** What the figure shows, in words: for those who hear the page, and as its caption for those who see it. */
import type { Metrics } from '../engine/protocol';
import type { State } from '../state/settings';
import { formatCount, formatSignificant, formatTime, plural } from './format';
import type { Phase, RunKind } from './session';
import { nameOf } from './straightening';

/** What there is to say. */
export interface Showing {
  readonly phase: Phase;
  readonly state: Pick<State, 'view' | 'particles' | 'background' | 'source'>;
  readonly t: number;
  readonly playing: boolean;
  /** False when nobody can see the figure, so that it does not draw. */
  readonly drawing: boolean;
  readonly stepsDone: number;
  /** The run that there is. */
  readonly kind: RunKind;
  /** The step whose weights moved the learned cloud; null before there is one. */
  readonly stepsShown: number | null;
  readonly diverged: boolean;
  readonly rms: number | null;
  readonly metrics: Metrics | null;
}

/** A few sentences; the same as long as nothing that matters has changed, so that nobody is told twice. */
export function summarise(showing: Showing): string {
  const { phase } = showing;
  if (phase === 'error') return 'The engine is not running; nothing is being computed.';
  if (phase === 'loading') return 'The engine is starting.';
  return [time(showing), clouds(showing), training(showing), sight(showing)]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function time({ t, playing, state }: Showing): string {
  const from = state.source === 'normal' ? 'noise' : 'the source';
  return playing ? `Playing from ${from}, t = 0, to data, t = 1.` : `t = ${formatTime(t)}.`;
}

function learnedField({ kind, stepsShown }: Showing): string {
  const field = kind.rectified > 1 || kind.student ? `the ${nameOf(kind)}` : 'the learned field';
  if (stepsShown === null || stepsShown === 0) return `${field}, not trained yet`;
  return `${field} after ${plural(stepsShown, 'step')}`;
}

function clouds(showing: Showing): string {
  const { state, rms, metrics, playing } = showing;
  const cloud = plural(state.particles, 'particle');
  const field = learnedField(showing);
  const scene = {
    side: `${cloud}, the exact field beside ${field}`,
    difference: `${cloud}, the exact field and ${field}, and a map of their difference`,
    likelihood: `${cloud}, the density that the exact field gives at t = 1 beside that of ${field}`,
    exact: `${cloud}, the exact field`,
    learned: `${cloud}, ${field}`,
  }[state.view];
  const parts = [scene];
  if (state.view === 'difference' && rms !== null && !playing) {
    parts.push(`RMS difference ${formatSignificant(rms)}`);
  }
  if (metrics) {
    parts.push(
      `energy distance ${formatSignificant(metrics.energyDistance)}, floor ${formatSignificant(metrics.energyDistanceFloor)}`,
    );
  }
  return `${parts.join('; ')}.`;
}

function training({ phase, stepsDone, diverged }: Showing): string {
  if (diverged) return `Training diverged after step ${formatCount(stepsDone)} and was stopped.`;
  if (phase === 'training') return 'Training is under way.';
  if (phase === 'paused') return `Training is paused at step ${formatCount(stepsDone)}.`;
  if (phase === 'done') return 'Training is done.';
  return '';
}

function sight({ drawing, phase, state }: Showing): string {
  if (drawing) return '';
  const goesOn = phase === 'training' && state.background === 'continue';
  if (goesOn) return 'Out of sight: drawing has stopped, training goes on.';
  return 'Out of sight: drawing has stopped.';
}
