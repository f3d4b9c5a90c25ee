// The worker's scheduler: prompt, fair, and nothing lost on bad input.
import { beforeEach, describe, expect, it } from 'vitest';
import { maxStepWork } from '../../web/src/engine/checks';
import { EngineError } from '../../web/src/engine/errors';
import {
  notFetched,
  plainField,
  type Density,
  type FlowClip,
  type Grid,
  type Likelihood,
  type RequestBody,
  type RunState,
  type SavedRun,
  type TrajectoriesConfig,
  type Trained,
} from '../../web/src/engine/protocol';
import {
  Bench,
  exactLikelihood,
  exactSampler,
  learnedLikelihood,
  learnedSampler,
  quickConfig,
} from './fake-module';

const grid: Grid = { xMin: -15, xMax: 15, yMin: -15, yMax: 15, columns: 64, rows: 64 };
const train = (steps: number, experiment = 1): RequestBody => ({
  kind: 'train',
  experiment,
  steps,
  sliceMilliseconds: 20,
});

const learnedTrajectories: TrajectoriesConfig = {
  field: 'learned',
  options: plainField,
  count: 500,
  seed: 0,
};

const noNumbers = new Float32Array(0);
const run = (stepsDone: number): RunState => ({
  state: {
    parameters: noNumbers,
    ema: noNumbers,
    firstMoment: noNumbers,
    secondMoment: noNumbers,
    stepsDone,
    diverged: false,
  },
  stop: null,
});

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('training', () => {
  it('streams the loss of each step exactly once, and says why it ended', () => {
    bench.create();
    const id = bench.send(train(101));
    bench.run();
    expect(bench.result(id)).toEqual({ stepsDone: 101, reason: 'budget' });
    const progress = bench.progressOf(id);
    expect(progress.map(({ losses }) => losses.length)).toEqual([...Array<number>(10).fill(10), 1]);
    expect(progress.at(-1)).toMatchObject({ stepsDone: 101, stepsTotal: quickConfig.steps });
    expect(progress.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(0.202);
  });

  it('ends with the run', () => {
    bench.create(1, { steps: 30 });
    const id = bench.send(train(1000));
    bench.run();
    expect(bench.result(id)).toEqual({ stepsDone: 30, reason: 'finished' });
    const again = bench.send(train(1));
    bench.run();
    expect(bench.result(again)).toEqual({ stepsDone: 30, reason: 'finished' });
    expect(bench.progressOf(again)).toEqual([]);
  });

  it('ends when it diverges', () => {
    bench.create();
    bench.world.divergeAt = 25;
    const id = bench.send(train(1000));
    bench.run();
    expect(bench.result(id)).toEqual({ stepsDone: 25, reason: 'diverged' });
    const again = bench.send(train(1));
    bench.run();
    expect(bench.result(again)).toEqual({ stepsDone: 25, reason: 'diverged' });
  });

  it('stops by its rule, says why, and goes no further', async () => {
    await bench.createWhole();
    bench.world.stopAt = 30;
    const id = bench.send(train(1000));
    bench.run();
    const { stepsDone } = bench.result(id) as Trained;
    const stop = { reason: 'below', last: 0.5, best: 0.25 };
    expect(bench.result(id)).toEqual({ stepsDone, reason: 'stopped', stop });
    expect(stepsDone).toBeGreaterThanOrEqual(30);
    expect(stepsDone).toBeLessThan(1000);
    const again = bench.send(train(1000));
    bench.run();
    expect(bench.result(again)).toEqual({ stepsDone, reason: 'stopped', stop });
  });

  it('pauses within the slice that runs, and resumes', () => {
    bench.create();
    const id = bench.send(train(1000));
    bench.turn();
    bench.turn();
    const before = bench.world.now;
    const pause = bench.send({ kind: 'pause', experiment: 1 });
    expect(bench.world.now).toBe(before);
    expect(bench.result(pause)).toBeNull();
    expect(bench.result(id)).toEqual({ stepsDone: 20, reason: 'paused' });
    bench.run();
    expect(bench.scheduler.running).toBe(0);
    const more = bench.send(train(10));
    bench.run();
    expect(bench.result(more)).toEqual({ stepsDone: 30, reason: 'budget' });
  });

  it('never works longer than a slice between two looks at the messages', () => {
    bench.create();
    bench.send(train(200));
    bench.send({ kind: 'flow', experiment: 1, sampler: exactSampler, frames: 10, arrows: grid });
    bench.send({ kind: 'velocity', experiment: 1, field: 'exact', times: [0, 0.5, 1], grid });
    for (;;) {
      const before = bench.world.now;
      if (!bench.turn()) break;
      expect(bench.world.now - before).toBeLessThanOrEqual(20);
    }
  });
});

describe('turns', () => {
  it('are shared by all experiments', () => {
    bench.create(1, { seed: 1 });
    bench.create(2, { seed: 2 });
    bench.send(train(1000, 1));
    bench.send(train(1000, 2));
    bench.world.log = [];
    for (let i = 0; i < 6; i++) bench.turn();
    expect(bench.world.log).toEqual([
      'train 1',
      'train 2',
      'train 1',
      'train 2',
      'train 1',
      'train 2',
    ]);
  });

  it('leave to the page as many threads as a flow is told to spare', () => {
    bench.create();
    const flow: RequestBody = { kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1 };
    const spared = (body: RequestBody) => {
      bench.world.log = [];
      bench.send(body);
      bench.run();
      return bench.world.log.filter((entry) => entry.startsWith('spareThreads'));
    };
    expect(spared({ ...flow, spareThreads: 2 })).toEqual(['spareThreads 2']);
    expect(spared(flow)).toEqual(['spareThreads 0']);
  });

  it('let a flow finish while training goes on', () => {
    bench.create();
    const training = bench.send(train(8000));
    for (let i = 0; i < 10; i++) bench.turn();
    const flow = bench.send({ kind: 'flow', experiment: 1, sampler: learnedSampler, frames: 4 });
    const asked = bench.world.now;
    while (bench.reply(flow) === undefined) bench.turn();
    expect(bench.world.now - asked).toBeLessThanOrEqual(6 * 20 + 50);
    const clip = bench.result(flow) as FlowClip;
    // Taken at its start, although the training went on meanwhile; its own time does not count others'.
    expect(clip.stepsDone % 10).toBe(0);
    expect(clip.stepsDone).toBeGreaterThanOrEqual(100);
    expect(clip.stepsDone).toBeLessThanOrEqual(110);
    expect(clip.seconds).toBeCloseTo(0.05);
    expect(bench.reply(training)).toBeUndefined();
  });

  it('keep the weights still while a grid is computed', () => {
    bench.create();
    bench.send(train(8000));
    bench.turn();
    const id = bench.send({
      kind: 'velocity',
      experiment: 1,
      field: 'learned',
      times: [0, 1],
      grid,
    });
    bench.world.log = [];
    while (bench.reply(id) === undefined) bench.turn();
    const first = bench.world.log.indexOf('velocity learned');
    const last = bench.world.log.lastIndexOf('velocity learned');
    expect(last).toBeGreaterThan(first);
    expect(bench.world.log.slice(first, last)).not.toContain('train 1');
    bench.turn();
    expect(bench.world.log.at(-1)).toBe('train 1');
  });

  it('do not stop the training of another experiment', () => {
    bench.create(1, { seed: 1 });
    bench.create(2, { seed: 2 });
    bench.send(train(8000, 2));
    const id = bench.send({
      kind: 'velocity',
      experiment: 1,
      field: 'learned',
      times: [0, 1],
      grid,
    });
    bench.world.log = [];
    while (bench.reply(id) === undefined) bench.turn();
    const first = bench.world.log.indexOf('velocity learned');
    const last = bench.world.log.lastIndexOf('velocity learned');
    expect(bench.world.log.slice(first, last)).toContain('train 2');
  });
});

describe('results', () => {
  it('say what there is to train, and on what', () => {
    expect(bench.result(bench.create())).toEqual({
      tier: { simd: 'simd128', threads: 1 },
      parameters: 8642,
      labels: 0,
      memoryBytes: 2 ** 24,
      whole: false,
      pairs: 0,
      reach: null,
    });
  });

  it('say what no network can go below', () => {
    bench.create();
    const id = bench.send({ kind: 'irreducibleLoss', experiment: 1 });
    expect(bench.reply(id)).toBeUndefined();
    bench.run();
    expect(bench.result(id)).toBe(9.826);
  });

  it('come row by row from a grid, one time after another', () => {
    bench.create();
    const small: Grid = { xMin: -1, xMax: 1, yMin: 10, yMax: 20, columns: 3, rows: 2 };
    const id = bench.send({
      kind: 'velocity',
      experiment: 1,
      field: 'learned',
      times: [0, 0.5],
      grid: small,
    });
    bench.run();
    const points = [-1, 10, 0, 10, 1, 10, -1, 20, 0, 20, 1, 20];
    expect(Array.from(bench.result(id) as Float32Array)).toEqual([
      ...points,
      ...points.map((x) => x + 0.5),
    ]);
  });

  it('measure the distance of the two fields', () => {
    bench.create();
    const small = { ...grid, columns: 2, rows: 2 };
    const id = bench.send({ kind: 'difference', experiment: 1, t: 1, grid: small });
    bench.run();
    const { magnitude, ...rest } = bench.result(id) as { magnitude: Float32Array };
    expect(rest).toEqual({ rms: 0.5, exactRms: 5, stepsDone: 0 });
    for (const length of magnitude) expect(length).toBeCloseTo(Math.SQRT2);
    expect(magnitude).toHaveLength(4);
  });

  it('hold arrows at the times of the frames when asked for', () => {
    bench.create();
    const small = { ...grid, columns: 3, rows: 2 };
    const id = bench.send({
      kind: 'flow',
      experiment: 1,
      sampler: { ...exactSampler, particles: 5 },
      frames: 1,
      arrows: small,
    });
    bench.run();
    const clip = bench.result(id) as FlowClip;
    expect(clip.arrows).toHaveLength(2 * 6 * 2);
    expect(clip.positions).toHaveLength(2 * 5 * 2);
    expect(clip).toMatchObject({ functionEvaluations: 100, stepsDone: 0 });
  });

  it('are transferred, not copied', () => {
    bench.create();
    const id = bench.send({ kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1 });
    bench.run();
    const clip = bench.result(id) as FlowClip;
    expect(bench.transfers.at(-1)).toEqual([clip.times.buffer, clip.positions.buffer]);
  });

  it('of metrics are the evaluation’s, with how they came about', () => {
    bench.create();
    bench.send(train(10));
    const id = bench.send({ kind: 'metrics', experiment: 1, sampler: learnedSampler, count: 500 });
    bench.run();
    expect(bench.result(id)).toMatchObject({
      energyDistance: 0.004,
      energyDistanceFloor: 0.002,
      count: 500,
      stepsDone: 10,
    });
  });

  it('of a likelihood are one number a point, of the weights as they were when it began', async () => {
    await bench.createWhole();
    bench.send(train(10));
    const id = bench.send({
      kind: 'likelihood',
      experiment: 1,
      likelihood: learnedLikelihood,
      points: Float32Array.of(0, 0, 1, 2, 3, 4),
    });
    bench.run();
    const result = bench.result(id) as Likelihood;
    expect(result).toMatchObject({ functionEvaluations: 80, stepsDone: 10 });
    expect(result.seconds).toBeCloseTo(0.05);
    expect([...result.logDensity]).toEqual([-2, -2, -2]);
    expect(bench.transfers.at(-1)).toEqual([result.logDensity.buffer]);
  });

  it('of a density are one number a grid point, each the middle of its cell', async () => {
    await bench.createWhole();
    const id = bench.send({ kind: 'density', experiment: 1, likelihood: exactLikelihood, grid });
    bench.run();
    const density = bench.result(id) as Density;
    expect(density.stepsDone).toBe(0);
    expect(density.logDensity).toHaveLength(64 * 64);
    // From -15 to 15 there are 63 steps between 64 points.
    expect(density.integral).toBeCloseTo(30 / 63, 12);
  });

  it('of the likelihood of data say how many there were, and what they could be at best', async () => {
    await bench.createWhole();
    const id = bench.send({
      kind: 'dataLikelihood',
      experiment: 1,
      likelihood: learnedLikelihood,
      count: 500,
      seed: 3,
    });
    bench.run();
    expect(bench.result(id)).toMatchObject({
      negativeLogLikelihood: 3.9,
      entropy: 3.8,
      divergence: 0.1,
      count: 500,
      stepsDone: 0,
    });
  });

  it('of trajectories are their own and those of one Euler step, of the same weights', async () => {
    await bench.createWhole();
    bench.send(train(10));
    bench.run();
    const body = {
      kind: 'trajectories',
      experiment: 1,
      trajectories: learnedTrajectories,
    } as const;
    const id = bench.send(body);
    bench.turn();
    const training = bench.send(train(100));
    bench.run();
    expect(bench.result(training)).toMatchObject({ stepsDone: 110 });
    expect(bench.result(id)).toMatchObject({
      straightness: 12,
      normalisedPathEnergy: 0.1,
      oneStepSlicedW2: 0.2,
      oneStepSlicedW2Floor: 0.1,
      count: 500,
      stepsDone: 10,
    });
    // Both were started before the weights changed.
    const { log } = bench.world;
    const started = Math.max(log.indexOf('startTrajectories'), log.indexOf('startEvaluation'));
    expect(started).toBeLessThan(log.findLastIndex((what) => what.startsWith('train')));
    expect(bench.world.alive).toBe(1);
  });

  it('leave nothing behind in the module', async () => {
    await bench.createWhole();
    bench.send(train(100));
    bench.send({ kind: 'density', experiment: 1, likelihood: exactLikelihood, grid });
    bench.send({ kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1 });
    bench.send({ kind: 'metrics', experiment: 1, sampler: exactSampler, count: 10 });
    bench.run();
    expect(bench.world.alive).toBe(1);
    bench.send({ kind: 'dispose', experiment: 1 });
    expect(bench.world.alive).toBe(0);
  });
});

describe('a run', () => {
  const save: RequestBody = { kind: 'save', experiment: 1 };
  const restore = (as: number, of: RunState, config = quickConfig): RequestBody => ({
    kind: 'restore',
    experiment: 1,
    as,
    config,
    run: of,
  });

  it('is given as it is between two steps, from the whole module', async () => {
    bench.create();
    const training = bench.send(train(100));
    bench.turn();
    const id = bench.send(save);
    while (bench.loads === 0) bench.turn();
    await bench.load();
    bench.run();
    const { state, stop, timeFrequencies, version } = bench.result(id) as SavedRun;
    expect(state.stepsDone).toBeGreaterThan(0);
    expect(state.stepsDone).toBeLessThanOrEqual(100);
    expect([stop, timeFrequencies, version]).toEqual([null, [], '1.2.3']);
    // Who is saved goes on.
    expect(bench.result(training)).toMatchObject({ stepsDone: 100 });
  });

  it('has the memory of its rule, and the frequencies of its features', async () => {
    await bench.createWhole();
    const stop = { metric: 'loss', below: 1, every: 10, patience: 0, count: 10 } as const;
    const timeFeatures = { ...quickConfig.timeFeatures, kind: 'fourier', count: 4 } as const;
    bench.create(2, { stop, timeFeatures });
    const id = bench.send({ ...save, experiment: 2 });
    bench.run();
    expect(bench.result(id)).toMatchObject({ stop: { best: 0.25 }, timeFrequencies: [0, 1] });
  });

  it('goes on beside the one that there is', async () => {
    bench.create();
    const id = bench.send(restore(2, run(40)));
    bench.turn();
    await bench.load();
    bench.run();
    expect(bench.result(id)).toMatchObject({ whole: true, pairs: 0 });
    const on = bench.send(train(2, 2));
    const old = bench.send(train(1, 1));
    bench.run();
    expect(bench.result(on)).toMatchObject({ stepsDone: 42 });
    expect(bench.result(old)).toMatchObject({ stepsDone: 1 });
    bench.send({ kind: 'dispose', experiment: 1 });
    bench.send({ kind: 'dispose', experiment: 2 });
    expect(bench.world.alive).toBe(0);
  });

  it('that is refused leaves nothing behind', async () => {
    await bench.createWhole();
    const stop = {
      lossSum: 0,
      losses: -1,
      last: 0,
      best: 0,
      sinceBest: 0,
      reason: 'none',
    } as const;
    const refused: [RequestBody, string][] = [
      [restore(1, run(0)), 'as'],
      [restore(2, run(0), { ...quickConfig, batchSize: 0 }), 'batchSize'],
      [restore(2, run(quickConfig.steps + 1)), 'stepsDone'],
      [restore(2, { ...run(0), stop }), 'stop.losses'],
    ];
    for (const [body, field] of refused) {
      const id = bench.send(body);
      bench.run();
      expect(bench.error(id).problems).toMatchObject([{ field }]);
    }
    bench.world.parameters = 4_000_000;
    const large = bench.send(restore(2, run(0), { ...quickConfig, batchSize: 65_536 }));
    bench.run();
    expect(bench.error(large).problems).toMatchObject([{ field: 'batchSize' }]);
    expect(bench.world.alive).toBe(1);
  });
});

describe('a reflow', () => {
  const reflow = (as: number, oneStep = false): RequestBody => ({
    kind: 'reflow',
    experiment: 1,
    as,
    reflow: { pairs: 1000, seed: 3, oneStep },
  });

  it('makes a new run beside the one it is of', async () => {
    await bench.createWhole();
    bench.send(train(10));
    bench.run();
    const id = bench.send(reflow(2));
    bench.run();
    expect(bench.result(id)).toMatchObject({ parameters: 8642, pairs: 1000, whole: true });
    const shares = bench.sharesOf(id);
    expect(shares.length).toBeGreaterThan(2);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThan(1);
    const fresh = bench.send(train(1, 2));
    const old = bench.send(train(1, 1));
    bench.run();
    expect(bench.result(fresh)).toMatchObject({ stepsDone: 1 });
    expect(bench.result(old)).toMatchObject({ stepsDone: 11 });
    // Neither needs the other.
    bench.send({ kind: 'dispose', experiment: 1 });
    const again = bench.send(train(1, 2));
    bench.run();
    expect(bench.result(again)).toMatchObject({ stepsDone: 2 });
    expect(bench.world.alive).toBe(1);
  });

  it('makes a student where one is asked for', async () => {
    await bench.createWhole();
    bench.send(reflow(2));
    bench.send(reflow(3, true));
    bench.run();
    const made = bench.world.log.filter((what) => /^create (rectified|student)$/.test(what));
    expect(made).toEqual(['create rectified', 'create student']);
  });

  it('lets others work, but keeps the weights that it is of', async () => {
    await bench.createWhole();
    bench.create(5, { seed: 5 });
    const id = bench.send(reflow(2));
    bench.turn();
    const own = bench.send(train(5));
    const others = bench.send(train(50, 5));
    bench.turn();
    bench.turn();
    expect(bench.progressOf(others).length).toBeGreaterThan(0);
    expect(bench.progressOf(own)).toEqual([]);
    bench.run();
    bench.result(id);
    expect(bench.result(own)).toMatchObject({ stepsDone: 5 });
  });

  it('that is cancelled leaves the run as it was, and nothing else', async () => {
    await bench.createWhole();
    bench.send(train(10));
    bench.run();
    const id = bench.send(reflow(2));
    bench.turn();
    bench.turn();
    bench.send({ kind: 'cancel', target: id });
    bench.run();
    expect(bench.error(id).code).toBe('cancelled');
    expect(bench.world.alive).toBe(1);
    expect(bench.error(bench.send(train(1, 2))).code).toBe('no_such_experiment');
    const training = bench.send(train(1));
    bench.run();
    expect(bench.result(training)).toMatchObject({ stepsDone: 11 });
  });

  it('fetches the whole module, and waits for it', async () => {
    bench.create();
    bench.send(train(10));
    bench.run();
    const id = bench.send(reflow(2));
    bench.run();
    expect(bench.loads).toBe(1);
    await bench.load();
    bench.run();
    expect(bench.result(id)).toMatchObject({ pairs: 1000 });
  });
});

describe('another schedule than that of the training', () => {
  const schedule = { schedule: 'cosine', exponent: 1, betaMin: 0.1, betaMax: 20 } as const;
  const options = { ...plainField, schedule };
  const bodies: RequestBody[] = [
    { kind: 'velocity', experiment: 1, field: 'learned', options, times: [0], grid },
    { kind: 'logDensity', experiment: 1, options, times: [0], grid },
    { kind: 'difference', experiment: 1, options, t: 0, grid },
  ];
  it.each(bodies)('is looked at in the whole module: $kind', async (body) => {
    bench.create();
    const id = bench.send(body);
    bench.run();
    expect(bench.loads).toBe(1);
    await bench.load();
    bench.run();
    expect(bench.result(id)).toBeDefined();
  });
});

describe('cancelling', () => {
  it('answers the request it stops, and frees what it held', () => {
    bench.create();
    const flow = bench.send({ kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1 });
    bench.turn();
    expect(bench.world.alive).toBe(2);
    const cancel = bench.send({ kind: 'cancel', target: flow });
    expect(bench.result(cancel)).toBeNull();
    expect(bench.error(flow).code).toBe('cancelled');
    expect(bench.world.alive).toBe(1);
    bench.run();
  });

  it('of what is done already, or never was, does nothing', () => {
    bench.create();
    const done = bench.send(train(1));
    bench.run();
    for (const target of [done, 999, NaN]) {
      expect(bench.result(bench.send({ kind: 'cancel', target }))).toBeNull();
    }
    expect(bench.result(done)).toMatchObject({ reason: 'budget' });
  });

  it('lets the training that waited for it go on', () => {
    bench.create();
    bench.send(train(100));
    const id = bench.send({
      kind: 'velocity',
      experiment: 1,
      field: 'learned',
      times: [0, 1],
      grid,
    });
    bench.turn();
    bench.turn();
    bench.send({ kind: 'cancel', target: id });
    bench.world.log = [];
    bench.run();
    expect(bench.world.log).toContain('train 1');
  });

  it('comes with disposal and with replacement', () => {
    bench.create();
    const first = bench.send(train(1000));
    bench.turn();
    bench.create();
    expect(bench.error(first).code).toBe('cancelled');
    const second = bench.send(train(1000));
    bench.turn();
    bench.send({ kind: 'dispose', experiment: 1 });
    expect(bench.error(second).code).toBe('cancelled');
    expect(bench.world.alive).toBe(0);
    bench.run();
  });
});

describe('bad input', () => {
  it('that refuses a new experiment keeps the old one', () => {
    bench.create();
    const training = bench.send(train(50));
    bench.turn();
    const refused = bench.create(1, { batchSize: 0 });
    expect(bench.error(refused)).toMatchObject({
      code: 'invalid_config',
      problems: [{ field: 'batchSize', value: '0', allowed: 'from 1 to 65536' }],
    });
    bench.run();
    expect(bench.result(training)).toEqual({ stepsDone: 50, reason: 'budget' });
    expect(bench.world.alive).toBe(1);
  });

  it('is a step so large that it could not be paused', () => {
    bench.create();
    bench.world.parameters = 4_000_000;
    const refused = bench.create(1, { batchSize: 65_536 });
    expect(bench.error(refused)).toMatchObject({
      code: 'invalid_config',
      problems: [{ field: 'batchSize', value: '65536' }],
    });
    expect(bench.world.alive).toBe(1);
    expect(65_536 * bench.world.parameters).toBeGreaterThan(maxStepWork);
    bench.result(bench.create(1, { batchSize: Math.floor(maxStepWork / bench.world.parameters) }));
    bench.world.parameters = 8642;
    // A step through the solver of a likelihood is that of many evaluations.
    const method = { cnfSolver: 'rk4', cnfSteps: 1000 } as const;
    const many = bench.create(1, { batchSize: 256, method });
    expect(bench.error(many)).toMatchObject({ problems: [{ field: 'batchSize', value: '256' }] });
    bench.result(bench.create(1, { batchSize: 256, method: { ...method, cnfSteps: 8 } }));
  });

  const unknown: RequestBody[] = [
    train(1, 7),
    { kind: 'pause', experiment: 7 },
    { kind: 'flow', experiment: 7, sampler: exactSampler, frames: 1 },
    { kind: 'velocity', experiment: 7, field: 'exact', times: [0], grid },
    { kind: 'logDensity', experiment: 7, times: [0], grid },
    { kind: 'difference', experiment: 7, t: 0, grid },
    { kind: 'metrics', experiment: 7, sampler: exactSampler, count: 10 },
    { kind: 'likelihood', experiment: 7, likelihood: exactLikelihood, points: new Float32Array(2) },
    { kind: 'density', experiment: 7, likelihood: exactLikelihood, grid },
    { kind: 'dataLikelihood', experiment: 7, likelihood: exactLikelihood, count: 2, seed: 0 },
    { kind: 'trajectories', experiment: 7, trajectories: learnedTrajectories },
    { kind: 'reflow', experiment: 7, as: 8, reflow: { pairs: 100, seed: 0, oneStep: false } },
    { kind: 'save', experiment: 7 },
    { kind: 'restore', experiment: 7, as: 8, config: quickConfig, run: run(0) },
    { kind: 'dispose', experiment: 7 },
  ];
  it.each(unknown)('is an experiment that does not exist: $kind', (body) => {
    bench.create();
    expect(bench.error(bench.send(body)).code).toBe('no_such_experiment');
    expect(bench.scheduler.running).toBe(0);
  });

  const wrong: [string, RequestBody, string][] = [
    ['no steps', train(0), 'steps'],
    ['half a step', train(0.5), 'steps'],
    ['endless steps', train(Infinity), 'steps'],
    ['no number', train(NaN), 'steps'],
    [
      'a slice of no time',
      { ...train(1), sliceMilliseconds: 0 } as RequestBody,
      'sliceMilliseconds',
    ],
    [
      'an endless slice',
      { ...train(1), sliceMilliseconds: Infinity } as RequestBody,
      'sliceMilliseconds',
    ],
    ['no frames', { kind: 'flow', experiment: 1, sampler: exactSampler, frames: 0 }, 'frames'],
    [
      'half a thread to spare',
      { kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1, spareThreads: 0.5 },
      'spareThreads',
    ],
    [
      'too many frames',
      { kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1e6 },
      'frames',
    ],
    [
      'too many frames for so many particles',
      {
        kind: 'flow',
        experiment: 1,
        sampler: { ...exactSampler, particles: 20_000 },
        frames: 1000,
      },
      'sampler.particles',
    ],
    [
      'no particles',
      { kind: 'flow', experiment: 1, sampler: { ...exactSampler, particles: NaN }, frames: 1 },
      'sampler.particles',
    ],
    [
      'an unknown field',
      {
        kind: 'flow',
        experiment: 1,
        sampler: { ...exactSampler, field: 'guessed' as 'exact' },
        frames: 1,
      },
      'sampler.field',
    ],
    [
      'arrows without end',
      {
        kind: 'flow',
        experiment: 1,
        sampler: exactSampler,
        frames: 1,
        arrows: { ...grid, rows: Infinity },
      },
      'arrows.rows',
    ],
    ['no samples', { kind: 'metrics', experiment: 1, sampler: exactSampler, count: 0 }, 'count'],
    [
      'a time outside of [0, 1]',
      { kind: 'velocity', experiment: 1, field: 'exact', times: [0, 1.1], grid },
      'times[1]',
    ],
    ['no time', { kind: 'logDensity', experiment: 1, times: [], grid }, 'times.length'],
    [
      'a likelihood without steps',
      {
        kind: 'dataLikelihood',
        experiment: 1,
        likelihood: { ...exactLikelihood, steps: 0 },
        count: 10,
        seed: 0,
      },
      'likelihood.steps',
    ],
    [
      'a density without cells',
      { kind: 'density', experiment: 1, likelihood: exactLikelihood, grid: { ...grid, rows: 0 } },
      'grid.rows',
    ],
    [
      'no trajectories',
      {
        kind: 'trajectories',
        experiment: 1,
        trajectories: { ...learnedTrajectories, count: 0 },
      },
      'trajectories.count',
    ],
    [
      'a reflow of no pairs',
      { kind: 'reflow', experiment: 1, as: 2, reflow: { pairs: 0, seed: 0, oneStep: false } },
      'reflow.pairs',
    ],
    [
      'a reflow in the place of an experiment',
      { kind: 'reflow', experiment: 1, as: 1, reflow: { pairs: 99, seed: 0, oneStep: false } },
      'as',
    ],
    ['a time that is no number', { kind: 'difference', experiment: 1, t: NaN, grid }, 't'],
    [
      'an empty grid',
      { kind: 'logDensity', experiment: 1, times: [0], grid: { ...grid, columns: 0 } },
      'grid.columns',
    ],
    [
      'a grid inside out',
      { kind: 'logDensity', experiment: 1, times: [0], grid: { ...grid, xMin: 20 } },
      'grid.xMin',
    ],
    [
      'a grid without end',
      { kind: 'logDensity', experiment: 1, times: [0], grid: { ...grid, yMax: Infinity } },
      'grid.yMin',
    ],
    [
      'more numbers than a message should hold',
      {
        kind: 'velocity',
        experiment: 1,
        field: 'exact',
        times: Array<number>(100).fill(0),
        grid: { ...grid, columns: 1024, rows: 1024 },
      },
      'grid',
    ],
  ];
  it.each(wrong)('is refused: %s', async (_what, body, field) => {
    await bench.createWhole();
    const id = bench.send(body);
    bench.run();
    expect(bench.error(id).code).toBe('invalid_config');
    expect(bench.error(id).problems.map((problem) => problem.field)).toEqual([field]);
    expect(bench.error(id).message).toContain(field);
    // The experiment is as it was.
    const training = bench.send(train(1));
    bench.run();
    expect(bench.result(training)).toEqual({ stepsDone: 1, reason: 'budget' });
  });

  it('is reported whole, not problem by problem', () => {
    bench.create();
    const id = bench.send({
      kind: 'difference',
      experiment: 1,
      t: 2,
      grid: { ...grid, rows: 0, xMin: NaN },
    });
    expect(bench.error(id).problems.map(({ field }) => field)).toEqual([
      't',
      'grid.rows',
      'grid.xMin',
    ]);
  });

  it('is a kind of request that does not exist', async () => {
    await bench.createWhole();
    const id = bench.send({ kind: 'explode', experiment: 1 } as unknown as RequestBody);
    bench.run();
    expect(bench.error(id)).toMatchObject({
      code: 'invalid_config',
      problems: [{ field: 'kind', value: 'explode' }],
    });
  });

  it('of a type that the bindings refuse stops nothing', () => {
    bench.create();
    bench.world.thrown = new TypeError('Missing field: "data"');
    const id = bench.create(2);
    expect(bench.error(id).code).toBe('invalid_config');
    const training = bench.send(train(1));
    bench.run();
    bench.result(training);
  });
});

describe('a trap in the module', () => {
  it('is reported once, and nothing of the module is used again', () => {
    bench.create();
    const id = bench.send(train(100));
    const other = bench.send({ kind: 'flow', experiment: 1, sampler: exactSampler, frames: 1 });
    bench.world.thrown = new WebAssembly.RuntimeError('unreachable');
    bench.run();
    expect(bench.messages.at(-1)).toEqual({
      type: 'failed',
      error: {
        code: 'crashed',
        message: 'The engine stopped on an internal error: unreachable',
        problems: [],
      },
    });
    const count = bench.messages.length;
    bench.world.log = [];
    bench.create(2);
    bench.send({ kind: 'cancel', target: other });
    bench.run();
    expect(bench.messages).toHaveLength(count);
    expect(bench.world.log).toEqual([]);
    expect(bench.reply(id)).toBeUndefined();
  });
});

describe('what the small module leaves out', () => {
  const beyond = { coupling: { coupling: 'ot' as const, labelAware: false, regularisation: 0.05 } };
  const dopri5 = { ...learnedSampler, solver: 'dopri5' as const };
  const flow = (): RequestBody => ({ kind: 'flow', experiment: 1, sampler: dopri5, frames: 10 });

  it('is not loaded for what the small one has', () => {
    bench.create();
    bench.send(train(10));
    bench.run();
    expect(bench.loads).toBe(0);
  });

  it('makes an experiment when the whole module is there, while others go on', async () => {
    bench.create(2);
    const other = bench.send(train(20, 2));
    const id = bench.create(1, beyond);
    bench.run();
    expect(bench.reply(id)).toBeUndefined();
    expect(bench.result(other)).toEqual({ stepsDone: 20, reason: 'budget' });
    await bench.load();
    expect(bench.result(id)).toMatchObject({ parameters: 8642 });
    const id2 = bench.create(3, beyond);
    expect(bench.result(id2)).toMatchObject({ parameters: 8642 });
    expect(bench.loads).toBe(1);
  });

  it('takes an experiment with it, in the middle of its training', async () => {
    bench.create();
    const training = bench.send(train(1000));
    bench.turn();
    const id = bench.send(flow());
    bench.turn();
    bench.turn();
    await bench.load();
    expect(bench.world.log).toContain('restore');
    expect(bench.world.alive).toBe(1);
    bench.run();
    expect(bench.result(id)).toMatchObject({ functionEvaluations: 100 });
    expect(bench.result(training)).toEqual({ stepsDone: 1000, reason: 'budget' });
    expect(bench.progressOf(training).at(-1)?.stepsDone).toBe(1000);
    expect(bench.world.log.filter((what) => what === 'state')).toHaveLength(1);
    const again = bench.send(flow());
    bench.run();
    expect(bench.result(again)).toMatchObject({ functionEvaluations: 100 });
    expect(bench.loads).toBe(1);
  });

  it('goes on without it when it does not come, and asks again the next time', async () => {
    bench.create();
    const id = bench.send(flow());
    bench.run();
    await bench.load(new EngineError('load_failed', 'no network'));
    expect(bench.error(id)).toMatchObject({
      code: 'load_failed',
      message: expect.stringContaining('no network') as string,
      problems: [{ field: 'engine', allowed: notFetched }],
    });
    const training = bench.send(train(10));
    bench.run();
    expect(bench.result(training)).toEqual({ stepsDone: 10, reason: 'budget' });
    const again = bench.send(flow());
    bench.run();
    await bench.load();
    bench.run();
    expect(bench.result(again)).toMatchObject({ stepsDone: 10 });
    expect(bench.loads).toBe(2);
  });

  it('can be cancelled, and is with its experiment', async () => {
    bench.create();
    const first = bench.send(flow());
    const second = bench.send(flow());
    bench.run();
    expect(bench.scheduler.running).toBe(2);
    bench.send({ kind: 'cancel', target: first });
    expect(bench.error(first).code).toBe('cancelled');
    bench.send({ kind: 'dispose', experiment: 1 });
    expect(bench.error(second).code).toBe('cancelled');
    await bench.load();
    bench.run();
    expect(bench.scheduler.running).toBe(0);
    expect(bench.world.alive).toBe(0);
  });
});

describe('points as text', () => {
  const parse = (csv: string, labelColumn = -1): RequestBody => ({
    kind: 'parsePoints',
    experiment: 1,
    csv,
    labelColumn,
  });

  it('are read by the whole module, which is fetched for them', async () => {
    bench.create();
    const id = bench.send(parse('1,2'));
    bench.turn();
    expect(bench.reply(id)).toBeUndefined();
    expect(bench.loads).toBe(1);
    await bench.load();
    bench.run();
    const points = Float32Array.of(1, 2);
    expect(bench.result(id)).toEqual({ points, columns: 2, labels: new Int32Array(0) });
    const labelled = bench.send(parse('1,2', 2));
    bench.run();
    expect(bench.result(labelled)).toEqual({ points, columns: 2, labels: new Int32Array(1) });
  });

  it('that are none are refused with their place', async () => {
    await bench.createWhole();
    const id = bench.send(parse('x'));
    bench.run();
    expect(bench.error(id)).toMatchObject({
      code: 'invalid_config',
      problems: [{ field: 'line 1, column 1', value: 'x', allowed: 'a number' }],
    });
  });
});
