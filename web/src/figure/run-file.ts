/**
 * The run of a figure into a file and out of one: who opens or saves one fetches this, and with it the part of the
 * engine that it takes.
 *
 * Not here: what is in the file (../state/checkpoint.ts).
 */
import { EngineError } from '../engine/errors';
import type { Problem, RunState, Trained } from '../engine/protocol';
import { checkpointFile, checkpointParts } from '../state/checkpoint';
import { experimentConfigOf } from '../state/configs';
import { maxCheckpointBytes, readCheckpoint } from '../state/read-checkpoint';
import type { State } from '../state/settings';
import type { OpenedRun, Session } from './session';

export { isSafetensors } from '../state/read-checkpoint';

/** What is read of a session. */
export type Saved = Pick<Session, 'config' | 'experiment' | 'kind' | 'stepsDone'>;

export interface RunFile {
  readonly name: string;
  readonly content: Blob;
  readonly stepsDone: number;
}

/** Why the run that there is cannot be saved; undefined if it can. */
export function obstacleToSaving({ experiment, kind, stepsDone }: Saved): string | undefined {
  if (!experiment) return 'The engine is not running.';
  if (kind.student || kind.rectified > 1) {
    return (
      'This run is trained on the pairs of the run before, without which it could not go on: ' +
      'go back to the first run to save that.'
    );
  }
  return stepsDone === 0 ? 'There is nothing to save yet: train the model first.' : undefined;
}

/** The run as it is at this moment, also while it is trained. Throws where there is an obstacle. */
export async function runFile(session: Saved, inForce: State): Promise<RunFile> {
  const { experiment, config } = session;
  const obstacle = obstacleToSaving(session);
  if (!experiment || obstacle !== undefined) throw new Error(obstacle);
  if (JSON.stringify(config) !== JSON.stringify(experimentConfigOf(inForce))) {
    throw new Error('Other settings are just coming into force: save the run when they are.');
  }
  const run = await experiment.save();
  return {
    name: checkpointFile,
    content: new Blob(checkpointParts(run, inForce), { type: 'application/octet-stream' }),
    stepsDone: run.state.stepsDone,
  };
}

/** A run that was opened, and the settings that it was trained with. */
export interface Opened {
  readonly state: State;
  readonly opened: OpenedRun;
  /** What of its sampling could not be taken. */
  readonly problems: readonly Problem[];
}

/** Nothing of the run that there is changes. Throws an EngineError with all that is wrong with the file. */
export async function openRun(
  file: Blob,
  { experiment }: Pick<Session, 'experiment'>,
): Promise<Opened> {
  if (file.size > maxCheckpointBytes) {
    const allowed = `at most ${String(maxCheckpointBytes)} bytes: no run of the largest network has more`;
    throw EngineError.refused([{ field: 'file', value: `${String(file.size)} bytes`, allowed }]);
  }
  const { state, config, run, problems } = readCheckpoint(await file.arrayBuffer());
  if (!experiment) throw new Error('The engine is not running.');
  const made = await experiment.restore(config, run);
  return { state, opened: { experiment: made, trained: trainedOf(run, config.steps) }, problems };
}

/** How far it is, as if it had just been trained. */
function trainedOf({ state: { stepsDone, diverged }, stop }: RunState, steps: number): Trained {
  if (diverged) return { stepsDone, reason: 'diverged' };
  if (stop && stop.reason !== 'none') {
    const { reason, last, best } = stop;
    const measured = (value: number) => (Number.isFinite(value) ? value : null);
    return {
      stepsDone,
      reason: 'stopped',
      stop: { reason, last: measured(last), best: measured(best) },
    };
  }
  return { stepsDone, reason: stepsDone >= steps ? 'finished' : 'paused' };
}
