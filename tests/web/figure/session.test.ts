import { beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../../web/src/engine/client';
import type { Trained } from '../../../web/src/engine/protocol';
import { Session, type SessionChange } from '../../../web/src/figure/session';
import { experimentConfigOf } from '../../../web/src/state/configs';
import { defaultState, type State } from '../../../web/src/state/settings';
import { FakeEngine, FakeExperiment } from './fake-engine';

/** Lets everything that is ready to happen happen. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

let engine: FakeEngine;
let session: Session;
let changes: SessionChange[];

async function open(state: State = defaultState): Promise<void> {
  await session.apply(state);
  await settle();
}

beforeEach(() => {
  engine = new FakeEngine();
  changes = [];
  session = new Session(engine, (change) => changes.push(change));
});

describe('opening', () => {
  it('asks for the exact field first, then for the rest', async () => {
    await open();
    expect(engine.last.flows.map(({ field }) => field)).toEqual(['exact', 'learned']);
    expect(session.phase).toBe('flowing');
    expect(session.exact?.clip.functionEvaluations).toBe(defaultState.solverSteps);
    expect(session.learned?.clip.stepsDone).toBe(0);
    expect(session.density?.values.length).toBe(41 * 72 * 72);
    expect(session.irreducibleLoss).toBe(9.8);
    expect(engine.last.measured).toEqual([]);
  });

  it('says what is refused, and shows nothing', async () => {
    const problem = { field: 'batchSize', value: '65536', allowed: 'at most 100' };
    engine.refuse = EngineError.refused([problem]);
    expect(await session.apply(defaultState)).toEqual([problem]);
    expect(session.config).toBeNull();
    expect(session.phase).toBe('loading');
  });

  it('is over when the figure has gone before the engine came', async () => {
    const opening = session.apply(defaultState);
    await Promise.resolve();
    expect(engine.experiments.length).toBe(1);
    session.close();
    await opening;
    await settle();
    expect(engine.last.disposed).toBe(true);
    expect(changes).toEqual([]);
  });
});

describe('a class', () => {
  const conditional = { ...defaultState, labels: true };

  it('is shown with its own density, and keeps the model', async () => {
    await open(conditional);
    const { density } = session;
    expect(session.label).toBe(-1);
    await open({ ...conditional, label: 2, guidance: 1 });
    expect(engine.experiments).toHaveLength(1);
    expect(engine.last.configs).toHaveLength(1);
    expect(session.label).toBe(2);
    expect(engine.last.flows.at(-1)?.options.guidance).toEqual({ label: 2, scale: 1 });
    expect(session.density).not.toBe(density);
    // More guidance moves the clouds, not the density.
    const ofClass = session.density;
    await open({ ...conditional, label: 2, guidance: 3 });
    expect(session.density).toBe(ofClass);
  });
});

describe('settings', () => {
  it('of the sampler keep the model', async () => {
    await open();
    await open({ ...defaultState, solver: 'euler', solverSteps: 99 });
    expect(engine.last.configs.length).toBe(1);
    expect(engine.last.flows.slice(2).map(({ field, steps }) => [field, steps])).toEqual([
      ['exact', 99],
      ['learned', 99],
    ]);
  });

  it('of the view ask the engine for nothing', async () => {
    await open();
    await open({ ...defaultState, t: 0.4, showTrajectories: true, speed: 2 });
    expect(engine.last.flows.length).toBe(2);
  });

  it('of the training make a fresh model, and leave the exact field of the same target', async () => {
    await open();
    session.train();
    engine.last.progress([5, 4]);
    await open({ ...defaultState, batchSize: 64 });
    expect(engine.last.configs.at(-1)?.batchSize).toBe(64);
    expect(session.stepsDone).toBe(0);
    expect(session.phase).toBe('flowing');
    expect(session.loss.stepsSeen).toBe(0);
    expect(engine.last.flows.filter(({ field }) => field === 'exact').length).toBe(1);
  });

  it('of the target change the exact field as well', async () => {
    await open();
    await open({ ...defaultState, schedule: 'sqrt' });
    expect(engine.last.flows.filter(({ field }) => field === 'exact').length).toBe(2);
  });

  it('that the engine refuses change nothing', async () => {
    await open();
    session.train();
    engine.last.progress([5, 4, 3]);
    const problem = { field: 'hidden', value: '4096-4096', allowed: 'smaller' };
    engine.last.refuse = EngineError.refused([problem]);
    expect(await session.apply({ ...defaultState, hidden: [4096, 4096] })).toEqual([problem]);
    expect(session.stepsDone).toBe(3);
    expect(session.phase).toBe('training');
    expect(session.config?.hidden).toEqual([64, 64, 64]);
  });
});

describe('training', () => {
  it('reports its progress, rests at the end, and measures then', async () => {
    await open();
    session.train();
    expect(session.phase).toBe('training');
    engine.last.progress([50, 20, 10]);
    expect(session.stepsDone).toBe(3);
    expect(session.loss.last).toBe(10);
    engine.last.end('finished');
    await settle();
    expect(session.phase).toBe('done');
    expect(session.learned?.clip.stepsDone).toBe(3);
    expect(engine.last.measured).toEqual([10_000]);
    expect(session.metrics?.count).toBe(10_000);
    expect(session.metricsHistory).toEqual([]);
  });

  it('pauses and goes on', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    session.pause();
    await settle();
    expect(session.phase).toBe('paused');
    session.train();
    expect(session.phase).toBe('training');
  });

  it('that diverged keeps what was finite, and goes no further', async () => {
    await open();
    session.train();
    engine.last.progress([5, 1e30]);
    engine.last.end('diverged');
    await settle();
    expect(session.diverged).toBe(true);
    expect(session.phase).toBe('paused');
    session.train();
    expect(engine.last.training).toBe(false);
    await session.apply(defaultState, true);
    expect(session.diverged).toBe(false);
  });

  it('that its rule has stopped is done, and goes no further', async () => {
    await open();
    session.train();
    engine.last.progress([9, 8]);
    const stop = { reason: 'below', last: 0.5, best: 0.5 } as const;
    engine.last.end('stopped', stop);
    await settle();
    expect(session.phase).toBe('done');
    expect(session.stopped).toEqual(stop);
    session.train();
    expect(engine.last.training).toBe(false);
    await session.apply(defaultState, true);
    expect(session.stopped).toBeNull();
  });

  it('starts afresh on a reset, though nothing else is asked for', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    await session.apply(defaultState, true);
    await settle();
    expect(engine.last.configs.length).toBe(2);
    expect(session.stepsDone).toBe(0);
    expect(session.phase).toBe('flowing');
  });

  it('out of sight stops and goes on, if the reader chose so', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    session.watch(false, false);
    await settle();
    expect(session.phase).toBe('paused');
    expect(session.heldBack).toBe(true);
    session.watch(true, false);
    expect(session.phase).toBe('training');
    session.watch(false, true);
    expect(session.phase).toBe('training');
  });
});

describe('measuring', () => {
  it('waits until somebody can see it, and is not done twice', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    session.watch(false, true);
    engine.last.end('finished');
    await settle();
    expect(engine.last.measured).toEqual([]);
    session.watch(true, true);
    await settle();
    session.watch(false, true);
    session.watch(true, true);
    await settle();
    expect(engine.last.measured).toEqual([10_000]);
    await open({ ...defaultState, solverSteps: 10 });
    expect(engine.last.measured).toEqual([10_000, 10_000]);
  });
});

describe('the difference', () => {
  it('is asked for once for each t and each model, the latest last', async () => {
    await open();
    for (const t of [0.2, 0.3, 0.4]) session.wantDifference(t);
    await settle();
    expect(engine.last.differences).toEqual([0.2]);
    expect(session.difference?.t).toBe(0.2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(engine.last.differences).toEqual([0.2, 0.4]);
    expect(session.difference?.t).toBe(0.4);
    session.wantDifference(0.4);
    await settle();
    expect(engine.last.differences).toEqual([0.2, 0.4]);
  });
});

describe('a crash', () => {
  it('is told, and a restart makes the experiment again', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    engine.crash();
    await settle();
    expect(session.phase).toBe('error');
    expect(session.error?.code).toBe('crashed');
    session.restart();
    await settle();
    expect(engine.experiments.length).toBe(2);
    expect(session.phase).toBe('flowing');
    expect(session.stepsDone).toBe(0);
    expect(session.error).toBeNull();
  });

  it('that came before the figure did is told as well', async () => {
    engine.crash();
    engine.refuse = engine.error ?? undefined;
    const late = new Session(engine, () => null);
    await late.apply(defaultState);
    expect(late.phase).toBe('error');
    expect(late.error?.code).toBe('crashed');
  });
});

describe('a run that is made of another', () => {
  const second = { rectified: 2, student: false };

  /** Trains the first run a little, and goes on with a second one. */
  async function adoptSecond(): Promise<FakeExperiment> {
    await open();
    session.train();
    engine.last.progress([5, 4]);
    engine.last.end('finished');
    await settle();
    const made = new FakeExperiment(experimentConfigOf(defaultState));
    made.created = { ...made.created, pairs: 1000 };
    session.adopt(made, second);
    await settle();
    return made;
  }

  it('begins anew, and the one before can be gone back to', async () => {
    const made = await adoptSecond();
    expect(session).toMatchObject({ kind: second, stepsDone: 0, phase: 'flowing', metrics: null });
    expect(session.before).toMatchObject({ kind: { rectified: 1, student: false }, stepsDone: 2 });
    // A link is of the first one.
    expect(session.first).toMatchObject({ phase: 'paused', stepsDone: 2 });
    expect(made.flows.map(({ field }) => field)).toEqual(['exact', 'learned']);
    session.train();
    made.progress([1]);
    made.end('paused');
    await settle();
    expect(session.stepsDone).toBe(1);

    session.goBack();
    await settle();
    expect(made.disposed).toBe(true);
    expect(engine.last.disposed).toBe(false);
    expect(session).toMatchObject({ stepsDone: 2, phase: 'done', before: null });
    expect(session.loss.stepsSeen).toBe(2);
    expect(session.metrics?.stepsDone).toBe(2);
    expect(session.learned?.clip.stepsDone).toBe(2);
    expect(session.first).toBe(session);
    session.goBack();
    expect(session.experiment).toBe(engine.last);
  });

  it('moves its cloud by one step if it is a student', async () => {
    await open({ ...defaultState, solver: 'rk4', solverSteps: 30 });
    session.train();
    engine.last.progress([5]);
    engine.last.end('paused');
    const made = new FakeExperiment(experimentConfigOf(defaultState));
    session.adopt(made, { rectified: 1, student: true });
    await settle();
    expect(made.flows.map(({ solver, steps }) => [solver, steps])).toEqual([
      ['rk4', 30],
      ['euler', 1],
    ]);
  });

  it('is gone with the first one when the model is thrown away or other settings are taken', async () => {
    const made = await adoptSecond();
    await session.apply(defaultState, true);
    await settle();
    expect(session).toMatchObject({ before: null, stepsDone: 0, kind: { rectified: 1 } });
    expect(session.experiment).toBe(made);
    expect(made.configs).toHaveLength(2);
    expect(engine.last.disposed).toBe(true);
  });

  it('stays as long as the settings of the training are the same, or refused', async () => {
    const made = await adoptSecond();
    await session.apply({ ...defaultState, solver: 'euler' });
    expect(session.kind).toBe(second);
    made.refuse = EngineError.refused([{ field: 'batchSize', value: '1', allowed: 'more' }]);
    expect(await session.apply({ ...defaultState, batchSize: 1 })).toHaveLength(1);
    expect(session).toMatchObject({ kind: second, before: { stepsDone: 2 } });
    expect(engine.last.disposed).toBe(false);
  });

  it('is gone after a crash: the figure opens with the first one again', async () => {
    await adoptSecond();
    engine.crash();
    expect(session.before).toBeNull();
    engine.restart();
    await settle();
    expect(session).toMatchObject({ before: null, stepsDone: 0, kind: { rectified: 1 } });
    expect(engine.experiments).toHaveLength(2);
  });

  it('is let go of with the figure', async () => {
    const made = await adoptSecond();
    session.close();
    expect([made.disposed, engine.last.disposed]).toEqual([true, true]);
    const late = new FakeExperiment(experimentConfigOf(defaultState));
    session.adopt(late, second);
    expect(late.disposed).toBe(true);
  });
});

describe('a run that is opened', () => {
  const state = { ...defaultState, seed: 9 };
  const openRun = async (trained: Trained): Promise<FakeExperiment> => {
    await open();
    const experiment = new FakeExperiment(experimentConfigOf(state));
    experiment.stepsDone = trained.stepsDone;
    await session.apply(state, { experiment, trained });
    await settle();
    return experiment;
  };

  it('takes the place of the one that there is, and goes on from its step', async () => {
    const experiment = await openRun({ stepsDone: 70, reason: 'paused' });
    expect(engine.last.disposed).toBe(true);
    expect(session).toMatchObject({ phase: 'paused', stepsDone: 70, stepsTotal: state.steps });
    expect(session.config?.seed).toBe(9);
    expect(session.learned?.clip.stepsDone).toBe(70);
    expect(session.metrics?.stepsDone).toBe(70);
    session.train();
    experiment.progress([4, 3]);
    expect(session.loss.series().steps).toEqual([71, 72]);
    experiment.end('budget');
    await settle();
    expect(session.stepsDone).toBe(72);
  });

  it('is kept as long as the settings of the training are the same', async () => {
    const experiment = await openRun({ stepsDone: 70, reason: 'paused' });
    await session.apply({ ...state, solver: 'euler' });
    expect([experiment.disposed, session.stepsDone]).toEqual([false, 70]);
    await session.apply(defaultState);
    expect(session).toMatchObject({ stepsDone: 0, phase: 'flowing' });
    expect(experiment.configs).toHaveLength(2);
  });

  it('may be over: at its last step, by its rule, or where it diverged', async () => {
    const stop = { reason: 'below', last: 0.5, best: 0.5 } as const;
    const ends: [Trained, object][] = [
      [
        { stepsDone: state.steps, reason: 'finished' },
        { phase: 'done', stopped: null },
      ],
      [
        { stepsDone: 70, reason: 'stopped', stop },
        { phase: 'done', stopped: stop },
      ],
      [
        { stepsDone: 70, reason: 'diverged' },
        { phase: 'paused', diverged: true },
      ],
    ];
    for (const [trained, shown] of ends) {
      const experiment = await openRun(trained);
      expect(session).toMatchObject(shown);
      session.train();
      expect(experiment.training).toBe(false);
    }
  });

  it('lets a straighter run go, with the one that it was made of', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    engine.last.end('paused');
    await settle();
    const second = new FakeExperiment(experimentConfigOf(defaultState));
    session.adopt(second, { rectified: 2, student: false });
    const experiment = new FakeExperiment(experimentConfigOf(state));
    await session.apply(state, { experiment, trained: { stepsDone: 5, reason: 'paused' } });
    expect([engine.last.disposed, second.disposed, experiment.disposed]).toEqual([
      true,
      true,
      false,
    ]);
    expect(session).toMatchObject({ before: null, kind: { rectified: 1 }, stepsDone: 5 });
  });

  it('that comes while training goes on ends that', async () => {
    await open();
    session.train();
    engine.last.progress([5]);
    const experiment = new FakeExperiment(experimentConfigOf(state));
    await session.apply(state, { experiment, trained: { stepsDone: 5, reason: 'paused' } });
    await settle();
    expect(session).toMatchObject({ phase: 'paused', stepsDone: 5 });
    engine.last.progress([7]);
    expect(session.stepsDone).toBe(5);
  });
});
