// Straighter runs: what is asked of the engine for them, when, and that the run there is survives.
import { beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../../web/src/engine/client';
import { Session } from '../../../web/src/figure/session';
import { nameOf, ownPairs, Straightening } from '../../../web/src/figure/straightening';
import { experimentConfigOf } from '../../../web/src/state/configs';
import { defaultState, type State } from '../../../web/src/state/settings';
import { FakeEngine, FakeExperiment } from './fake-engine';

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

let engine: FakeEngine;
let session: Session;
let straightening: Straightening;
beforeEach(() => {
  engine = new FakeEngine();
  session = new Session(engine, () => {
    straightening.update(true);
  });
  straightening = new Straightening(session, () => {
    straightening.update(true);
  });
});

/** A figure whose model has been trained to the end. */
async function trained(state: State = defaultState): Promise<FakeExperiment> {
  await session.apply(state);
  await settle();
  session.train();
  engine.last.progress([5, 4]);
  engine.last.end('finished');
  await settle();
  return engine.last;
}

/** Answers what is asked of straightness, and lets it arrive. */
async function answer(experiment: FakeExperiment, straightness: number): Promise<void> {
  experiment.trajectoriesAsked.at(-1)?.answer({ straightness });
  await settle();
}

async function straightened(first: FakeExperiment, student = false): Promise<FakeExperiment> {
  const straighten = straightening.straighten(student);
  await answer(first, 12);
  const made = new FakeExperiment(experimentConfigOf(defaultState));
  made.created = { ...made.created, whole: true, pairs: ownPairs };
  first.reflows.at(-1)?.answer(made);
  await straighten;
  await settle();
  return made;
}

describe('straightness', () => {
  it('is measured only when it is asked for, where it would have to be fetched', async () => {
    const first = await trained();
    expect(straightening.measures).toBe(false);
    expect(first.trajectoriesAsked).toEqual([]);
    straightening.measure();
    expect(first.trajectoriesAsked).toHaveLength(1);
    await answer(first, 12);
    expect(straightening.latest).toMatchObject({ straightness: 12, stepsDone: 2 });
    straightening.update(true);
    expect(first.trajectoriesAsked).toHaveLength(1);
  });

  it('is measured unasked where all is there, roughly while training', async () => {
    await session.apply(defaultState);
    await settle();
    engine.last.created.whole = true;
    session.train();
    expect(engine.last.trajectoriesAsked).toEqual([]);
    engine.last.progress([5]);
    straightening.update(true);
    const [rough] = engine.last.trajectoriesAsked;
    await answer(engine.last, 20);
    expect(straightening.history.map(({ stepsDone }) => stepsDone)).toEqual([1]);
    engine.last.end('finished');
    await settle();
    const well = engine.last.trajectoriesAsked.at(-1);
    expect(well?.count).toBeGreaterThan(rough?.count ?? Infinity);
    await answer(engine.last, 12);
    expect(straightening.history).toHaveLength(1);
    expect(straightening.latest?.straightness).toBe(12);
  });

  it('is none of an SDE, nor where nobody looks', async () => {
    const first = await trained({ ...defaultState, solver: 'euler_maruyama' });
    straightening.measure();
    expect(first.trajectoriesAsked).toEqual([]);
    expect(straightening.stochastic).toBe(true);
    await session.apply(defaultState);
    straightening.update(false);
    const asked = first.trajectoriesAsked.length;
    straightening.update(true);
    expect(first.trajectoriesAsked.length).toBe(asked + 1);
  });
});

describe('another method', () => {
  it('has its paths measured, but not those between the couplings of a normalizing flow', async () => {
    const cnf = await trained({ ...defaultState, method: 'cnf' });
    straightening.measure();
    expect(cnf.trajectoriesAsked).toHaveLength(1);
    await session.apply({ ...defaultState, method: 'normalizing_flow' });
    expect(straightening.method).toEqual({ couplingLayers: 8, maxLogScale: 2 });
    expect(straightening.stochastic).toBe(false);
    expect(straightening.latest).toBeNull();
  });
});

describe('a straighter run', () => {
  it('is made of the pairs of a trained one, then trained, and compared with it', async () => {
    const first = await trained();
    expect(straightening.obstacle).toBeNull();
    const straighten = straightening.straighten(false);
    // The run before is measured first: afterwards it is not what is shown.
    expect(first.reflows).toEqual([]);
    await answer(first, 12);
    const [asked] = first.reflows;
    expect(asked?.reflow).toEqual({ pairs: ownPairs, seed: defaultState.seed, oneStep: false });
    asked?.progress(0.25);
    expect(straightening.making).toMatchObject({ student: false, share: 0.25 });
    const made = new FakeExperiment(experimentConfigOf(defaultState));
    made.created = { ...made.created, whole: true, pairs: ownPairs };
    asked?.answer(made);
    await straighten;
    expect(straightening.making).toBeNull();
    expect(nameOf(straightening.kind)).toBe('2-rectified flow');
    expect(session.phase).toBe('training');
    expect(made.training).toBe(true);
    made.progress([1, 1]);
    made.end('finished');
    await settle();
    await answer(made, 0.1);
    expect(straightening.latest?.straightness).toBe(0.1);
    expect(straightening.before?.straightness).toBe(12);
    expect(straightening.pairs).toBe(ownPairs);

    straightening.goBack();
    await settle();
    expect(straightening.latest?.straightness).toBe(12);
    expect(straightening.before).toBeNull();
    expect(session.phase).toBe('done');
  });

  it('can be made again of itself; a student cannot', async () => {
    const first = await trained();
    const second = await straightened(first);
    second.progress([1]);
    second.end('finished');
    await settle();
    const third = await straightened(second);
    expect(nameOf(straightening.kind)).toBe('3-rectified flow');
    expect(straightening.kindBefore).toEqual({ rectified: 2, student: false });
    third.progress([1]);
    third.end('paused');
    await settle();
    const student = await straightened(third, true);
    expect(third.reflows.at(-1)?.reflow.oneStep).toBe(true);
    expect(nameOf(straightening.kind)).toBe('one-step student');
    student.progress([1]);
    student.end('finished');
    await settle();
    expect(straightening.obstacle).toBe('student');
    await straightening.straighten(false);
    expect(student.reflows).toEqual([]);
  });

  it('is not made of what cannot have one', async () => {
    expect(straightening.obstacle).toBe('engine');
    await session.apply(defaultState);
    await settle();
    expect(straightening.obstacle).toBe('untrained');
    session.train();
    expect(straightening.obstacle).toBe('training');
    engine.last.progress([5]);
    engine.last.end('diverged');
    await settle();
    expect(straightening.obstacle).toBe('diverged');
    await straightening.straighten(false);
    expect(engine.last.reflows).toEqual([]);
  });

  it('that is cancelled leaves the run as it was', async () => {
    const first = await trained();
    const straighten = straightening.straighten(false);
    await answer(first, 12);
    straightening.cancel();
    await straighten;
    expect(first.reflows[0]?.signal?.aborted).toBe(true);
    expect(straightening.making).toBeNull();
    expect(straightening.refusal).toBeNull();
    expect(session).toMatchObject({ stepsDone: 2, phase: 'done', experiment: first });
    // And the next one can be made.
    await straightened(first);
    expect(straightening.kind.rectified).toBe(2);
  });

  it('that is refused or fails says why, and leaves the run as it was', async () => {
    const first = await trained();
    const straighten = straightening.straighten(false);
    await answer(first, 12);
    const problem = { field: 'pairs', value: '0', allowed: 'some' };
    first.reflows[0]?.fail(EngineError.refused([problem]));
    await straighten;
    expect(straightening.refusal).toContain('must be some');
    expect(session.experiment).toBe(first);
    const again = straightening.straighten(true);
    await settle();
    expect(straightening.refusal).toBeNull();
    first.reflows[1]?.fail(new EngineError('load_failed', 'No network.'));
    await again;
    expect(straightening.refusal).toBe('No network.');
  });

  it.each(['training', 'reset', 'crash'] as const)(
    'is given up when there is a %s',
    async (what) => {
      const first = await trained();
      // So that there is something left to train.
      session.stepsTotal = 100;
      void straightening.straighten(false);
      await answer(first, 12);
      if (what === 'training') session.trainOneStep();
      else if (what === 'reset') await session.apply(defaultState, true);
      else engine.crash();
      await settle();
      expect(first.reflows[0]?.signal?.aborted).toBe(true);
      expect(straightening.making).toBeNull();
      expect(session.kind.rectified).toBe(1);
    },
  );
});
