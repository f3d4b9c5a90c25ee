// The run of a figure into a file and out of one again.
import { beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../../web/src/engine/client';
import { obstacleToSaving, openRun, runFile } from '../../../web/src/figure/run-file';
import { Session } from '../../../web/src/figure/session';
import { maxCheckpointBytes, readCheckpoint } from '../../../web/src/state/read-checkpoint';
import { experimentConfigOf } from '../../../web/src/state/configs';
import { defaultState, type State } from '../../../web/src/state/settings';
import { FakeEngine, FakeExperiment } from './fake-engine';

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** 3 inputs, 3 units, 2 outputs. */
const state: State = { ...defaultState, hidden: [3], noiseSeed: 8 };
const parameters = 3 * 3 + 3 + 3 * 2 + 2;

let engine: FakeEngine;
let session: Session;
beforeEach(async () => {
  engine = new FakeEngine();
  session = new Session(engine, () => undefined);
  await session.apply(state);
  await settle();
  engine.last.created = { ...engine.last.created, parameters };
});

async function trained(losses: number[]): Promise<void> {
  session.train();
  engine.last.progress(losses);
  engine.last.end('paused');
  await settle();
}

describe('saving', () => {
  it('gives the run that there is, with how it is sampled', async () => {
    await trained([3, 2, 1]);
    expect(obstacleToSaving(session)).toBeUndefined();
    const { name, content, stepsDone } = await runFile(session, state);
    expect([name, stepsDone]).toEqual(['flowmatch.safetensors', 3]);
    const opened = readCheckpoint(await content.arrayBuffer());
    expect(opened.state).toMatchObject({ hidden: [3], noiseSeed: 8 });
    expect(opened.run.state.stepsDone).toBe(3);
  });

  it('says why it is not possible', async () => {
    expect(obstacleToSaving(session)).toContain('nothing to save yet');
    await trained([3]);
    const made = new FakeExperiment(experimentConfigOf(state));
    session.adopt(made, { rectified: 2, student: false });
    expect(obstacleToSaving(session)).toContain('pairs of the run before');
    session.goBack();
    expect(obstacleToSaving(session)).toBeUndefined();
    engine.crash();
    expect(obstacleToSaving(session)).toContain('not running');
    await expect(runFile(session, state)).rejects.toThrow('not running');
  });
});

it('is not saved under settings that are not in force yet', async () => {
  await trained([3]);
  await expect(runFile(session, { ...state, seed: 77 })).rejects.toThrow('just coming into force');
});

describe('opening', () => {
  const saved = async (): Promise<Blob> => {
    await trained([3, 2, 1]);
    return (await runFile(session, state)).content;
  };

  it('makes an experiment of the file, and leaves the run that there is', async () => {
    const content = await saved();
    await trained([1]);
    const opened = await openRun(content, session);
    expect(opened.opened.trained).toEqual({ stepsDone: 3, reason: 'paused' });
    expect(opened.problems).toEqual([]);
    expect(session.stepsDone).toBe(4);
    await session.apply(opened.state, opened.opened);
    expect(session.stepsDone).toBe(3);
  });

  it('refuses a file that is too large without reading it', async () => {
    const content = {
      size: maxCheckpointBytes + 1,
      arrayBuffer: () => Promise.reject(new Error('read')),
    } as unknown as Blob;
    const thrown: unknown = await openRun(content, session).catch((error: unknown) => error);
    expect((thrown as EngineError).problems).toMatchObject([{ field: 'file' }]);
  });

  it('gives what is wrong, of the file or in the engine', async () => {
    const content = await saved();
    await expect(openRun(content.slice(0, 100), session)).rejects.toThrow('truncated');
    const problem = { field: 'batchSize', value: '256', allowed: 'at most 100' };
    engine.last.refuse = EngineError.refused([problem]);
    await expect(openRun(content, session)).rejects.toMatchObject({ problems: [problem] });
    engine.crash();
    await expect(openRun(content, session)).rejects.toThrow('not running');
    expect(engine.experiments).toHaveLength(1);
  });
});
