// The page's side of the engine: every call is answered once, whatever becomes of the worker.
import { describe, expect, it, vi } from 'vitest';
import { Engine, EngineError, type Experiment } from '../../web/src/engine/client';
import type { ErrorBody, Grid, SavedRun, TrainProgress } from '../../web/src/engine/protocol';
import { exactLikelihood, exactSampler, quickConfig } from './fake-module';
import { created, fakeEngine, settled, start, type FakeWorker } from './fake-worker';

const grid: Grid = { xMin: -1, xMax: 1, yMin: -1, yMax: 1, columns: 2, rows: 2 };
const progress = (stepsDone: number): TrainProgress => ({
  stepsDone,
  stepsTotal: 8000,
  losses: new Float32Array(1),
  seconds: 0.02,
});

/** An engine with one experiment made. */
async function running() {
  const fake = fakeEngine();
  const making = fake.engine.createExperiment(quickConfig);
  await settled();
  const worker = fake.worker();
  worker.ready();
  worker.answers('create', created);
  return { ...fake, latest: fake.worker, worker, experiment: await making };
}

/** The error that a call ends in. */
async function errorOf(call: Promise<unknown>): Promise<EngineError> {
  const thrown: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(EngineError);
  return thrown as EngineError;
}

describe('starting', () => {
  it('is put off until an experiment is wanted', () => {
    const { engine, workers } = fakeEngine();
    expect(engine.status).toBe('idle');
    expect(workers).toHaveLength(0);
  });

  it('may come before that, for the experiment that is about to be wanted', async () => {
    const { engine, workers, worker } = fakeEngine();
    await Promise.all([engine.warmUp(), engine.warmUp()]);
    expect(worker().received).toEqual([start]);
    worker().ready();
    const making = engine.createExperiment(quickConfig);
    worker().answers('create', created);
    await making;
    expect(workers).toHaveLength(1);
  });

  it('that fails before an experiment is wanted is tried again, and reported, when one is', async () => {
    const { engine, workers } = fakeEngine({
      start: () => Promise.reject(new EngineError('load_failed', 'status 404')),
    });
    const onCrash = vi.fn();
    engine.addEventListener('crash', onCrash);
    await engine.warmUp();
    expect(engine.status).toBe('idle');
    expect(onCrash).not.toHaveBeenCalled();
    expect((await errorOf(engine.createExperiment(quickConfig))).code).toBe('load_failed');
    expect(engine.status).toBe('crashed');
    expect(onCrash).toHaveBeenCalledOnce();
    expect(workers).toHaveLength(2);
  });

  it('sends requests after the message that sets the worker going, in order', async () => {
    const { engine, worker } = fakeEngine();
    const first = engine.createExperiment(quickConfig);
    const second = engine.createExperiment({ ...quickConfig, seed: 2 });
    expect(engine.status).toBe('starting');
    expect(worker().received).toEqual([]);
    await settled();
    expect(engine.tierName).toBe('simd');
    expect(worker().received.map(({ kind }) => kind)).toEqual(['start', 'create', 'create']);
    worker().ready();
    expect(engine.status).toBe('ready');
    expect(engine.tier).toEqual(created.tier);
    const requests = worker().requests;
    expect(requests.map(({ kind }) => kind)).toEqual(['create', 'create']);
    for (const { id } of requests) {
      worker().says({ type: 'result', id, kind: 'create', result: created });
    }
    expect((await first).created).toEqual(created);
    expect((await second).config.seed).toBe(2);
  });

  it('that fails to fetch the module is reported, and can be tried again', async () => {
    let failing = true;
    const { engine, workers, worker } = fakeEngine({
      start: () =>
        failing
          ? Promise.reject(new EngineError('load_failed', 'status 404'))
          : Promise.resolve({ tier: 'simd', message: start }),
    });
    const onCrash = vi.fn();
    engine.addEventListener('crash', onCrash);
    const error = await errorOf(engine.createExperiment(quickConfig));
    expect(error).toMatchObject({ code: 'load_failed', message: 'status 404' });
    expect(engine.status).toBe('crashed');
    expect(onCrash).toHaveBeenCalledOnce();
    failing = false;
    engine.restart();
    const making = engine.createExperiment(quickConfig);
    await settled();
    worker().ready();
    worker().answers('create', created);
    await making;
    expect(workers).toHaveLength(2);
    expect(workers[0]?.terminated).toBe(true);
  });

  it('that the browser refuses is reported', async () => {
    const { engine } = fakeEngine({
      launch: () => {
        throw new DOMException('refused', 'SecurityError');
      },
    });
    const error = await errorOf(engine.createExperiment(quickConfig));
    expect(error.code).toBe('load_failed');
    expect(error.message).toContain('refused');
  });

  it('of a script that cannot be loaded is no crash but a failure to load', async () => {
    const { engine, worker } = fakeEngine();
    const call = engine.createExperiment(quickConfig);
    worker().throws();
    expect((await errorOf(call)).code).toBe('load_failed');
  });

  it('of a build that fails goes on with the next, and loses no request', async () => {
    const { engine, workers, worker } = fakeEngine({
      start: (failed) =>
        Promise.resolve({ tier: failed.has('relaxed') ? 'simd' : 'relaxed', message: start }),
    });
    const onCrash = vi.fn();
    engine.addEventListener('crash', onCrash);
    const making = engine.createExperiment(quickConfig);
    await settled();
    expect(engine.tierName).toBe('relaxed');
    const error: ErrorBody = { code: 'load_failed', message: 'no memory', problems: [] };
    worker().says({ type: 'failed', error });
    expect(workers[0]?.terminated).toBe(true);
    await settled();
    expect(engine.tierName).toBe('simd');
    expect(worker().received.map(({ kind }) => kind)).toEqual(['start', 'create']);
    // What the first one still says is nobody's business.
    workers[0]?.says({ type: 'failed', error });
    workers[0]?.throws('late');
    worker().ready();
    worker().answers('create', created);
    await making;
    expect(workers).toHaveLength(2);
    expect(onCrash).not.toHaveBeenCalled();
  });

  it('of the last build that there is, or of the one asked for, ends when it fails', async () => {
    const error: ErrorBody = { code: 'load_failed', message: 'no memory', problems: [] };
    for (const fake of [fakeEngine(), fakeEngine({ wanted: 'relaxed' })]) {
      const call = fake.engine.createExperiment(quickConfig);
      await settled();
      fake.worker().says({ type: 'failed', error });
      expect(await errorOf(call)).toMatchObject(error);
      expect(fake.workers).toHaveLength(1);
    }
  });

  it('is the same for all figures of a page', () => {
    expect(Engine.shared()).toBe(Engine.shared());
    expect(Engine.shared('simd')).toBe(Engine.shared('simd'));
    expect(Engine.shared('simd')).not.toBe(Engine.shared());
  });
});

describe('calls', () => {
  it('resolve with their own reply', async () => {
    const { worker, experiment } = await running();
    const velocity = experiment.velocity('exact', [0.5], grid);
    const density = experiment.logDensity([0.5], grid);
    worker.answers('logDensity', new Float32Array([1]));
    worker.answers('velocity', new Float32Array([2, 3]));
    expect(Array.from(await velocity)).toEqual([2, 3]);
    expect(Array.from(await density)).toEqual([1]);
  });

  it('carry what they are about', async () => {
    const { worker, experiment } = await running();
    void experiment.flow(exactSampler, 60, { arrows: grid });
    expect(worker.last('flow')).toMatchObject({
      experiment: 1,
      sampler: exactSampler,
      frames: 60,
      arrows: grid,
    });
    void experiment.flow(exactSampler, 60);
    expect(worker.last('flow')).not.toHaveProperty('arrows');
    void experiment.metrics(exactSampler, 2000);
    expect(worker.last('metrics')).toMatchObject({ count: 2000 });
    void experiment.likelihood(exactLikelihood, Float32Array.of(1, 2));
    expect(worker.last('likelihood')).toMatchObject({ likelihood: exactLikelihood });
    void experiment.density(exactLikelihood, grid);
    expect(worker.last('density')).toMatchObject({ likelihood: exactLikelihood, grid });
    void experiment.dataLikelihood(exactLikelihood, 500, 7);
    expect(worker.last('dataLikelihood')).toMatchObject({ count: 500, seed: 7 });
    void experiment.difference(0.25, grid);
    expect(worker.last('difference')).toMatchObject({ t: 0.25, grid });
  });

  it('tell of progress until they are answered', async () => {
    const { worker, experiment } = await running();
    const seen: number[] = [];
    const training = experiment.train(100, {
      onProgress: ({ stepsDone }) => seen.push(stepsDone),
      sliceMilliseconds: 16,
    });
    const { id, sliceMilliseconds } = worker.last('train');
    expect(sliceMilliseconds).toBe(16);
    worker.says({ type: 'progress', id, progress: progress(50) });
    worker.says({ type: 'progress', id, progress: progress(100) });
    worker.answers('train', { stepsDone: 100, reason: 'budget' });
    worker.says({ type: 'progress', id, progress: progress(150) });
    expect(await training).toEqual({ stepsDone: 100, reason: 'budget' });
    expect(seen).toEqual([50, 100]);
  });

  it('reject with the code and the problems that the worker found', async () => {
    const { worker, experiment } = await running();
    const call = experiment.recreate({ ...quickConfig, batchSize: 0 });
    const problems = [{ field: 'batchSize', value: '0', allowed: 'from 1 to 65536' }];
    const error = { code: 'invalid_config', message: 'batchSize is 0', problems } as const;
    worker.says({ type: 'error', id: worker.last('create').id, error });
    expect(await errorOf(call)).toMatchObject(error);
    expect(experiment.config).toEqual(quickConfig);
  });

  it('take on the new configuration when it is accepted', async () => {
    const { worker, experiment } = await running();
    const call = experiment.recreate({ ...quickConfig, seed: 5 });
    expect(worker.last('create').experiment).toBe(1);
    worker.answers('create', { ...created, parameters: 10 });
    await call;
    expect(experiment.config.seed).toBe(5);
    expect(experiment.created.parameters).toBe(10);
  });

  it('with something that cannot be sent reject, and leave the others alone', async () => {
    const { worker, experiment } = await running();
    const good = experiment.logDensity([0], grid);
    worker.refuseNext = true;
    expect((await errorOf(experiment.logDensity([1], grid))).code).toBe('invalid_config');
    worker.answers('logDensity', new Float32Array([1]));
    await good;
  });
});

describe('replies that nobody waits for', () => {
  it('are dropped: unknown numbers, and second answers', async () => {
    const { worker, experiment } = await running();
    const call = experiment.pause();
    worker.answers('pause', null);
    worker.answers('pause', null);
    worker.says({ type: 'result', id: 999, kind: 'pause', result: null });
    worker.says({ type: 'progress', id: 999, progress: progress(1) });
    const error: ErrorBody = { code: 'cancelled', message: '', problems: [] };
    worker.says({ type: 'error', id: -1, error });
    await call;
  });

  it('are dropped after cancelling, which rejects at once and tells the worker', async () => {
    const { worker, experiment } = await running();
    const controller = new AbortController();
    const onProgress = vi.fn();
    const call = experiment.train(10, { signal: controller.signal, onProgress });
    const { id } = worker.last('train');
    controller.abort();
    expect((await errorOf(call)).code).toBe('cancelled');
    expect(worker.last('cancel').target).toBe(id);
    worker.says({ type: 'progress', id, progress: progress(10) });
    worker.answers('train', { stepsDone: 10, reason: 'budget' });
    expect(onProgress).not.toHaveBeenCalled();
  });

  it('are not even asked for when the signal was aborted before', async () => {
    const { worker, experiment } = await running();
    const count = worker.received.length;
    const call = experiment.train(10, { signal: AbortSignal.abort() });
    expect((await errorOf(call)).code).toBe('cancelled');
    expect(worker.received).toHaveLength(count);
  });

  it('do not come of an abort after the answer', async () => {
    const { worker, experiment } = await running();
    const controller = new AbortController();
    const call = experiment.train(10, { signal: controller.signal });
    worker.answers('train', { stepsDone: 10, reason: 'budget' });
    await call;
    const count = worker.received.length;
    controller.abort();
    expect(worker.received).toHaveLength(count);
  });

  it('are those of a worker that was replaced', async () => {
    const { engine, worker: old, latest: worker, experiment } = await running();
    void experiment.train(10).catch(() => null);
    old.throws('out of memory');
    engine.restart();
    const making = engine.createExperiment(quickConfig);
    await settled();
    const fresh = worker();
    // The same number as the request to the new one: only the worker tells them apart.
    fresh.ready();
    const { id } = fresh.last('create');
    old.says({ type: 'result', id, kind: 'create', result: { ...created, parameters: -1 } });
    old.throws('again');
    fresh.answers('create', created);
    expect((await making).created.parameters).toBe(8642);
    expect(engine.status).toBe('ready');
  });
});

describe('a crash', () => {
  const crashes: [string, (worker: FakeWorker) => void][] = [
    [
      'that the worker reports',
      (worker) => {
        const error: ErrorBody = { code: 'crashed', message: 'unreachable', problems: [] };
        worker.says({ type: 'failed', error });
      },
    ],
    [
      'by an error that nobody caught',
      (worker) => {
        worker.throws('unreachable');
      },
    ],
    [
      'by a message that cannot be read',
      (worker) => {
        worker.onmessageerror?.({} as MessageEvent);
      },
    ],
  ];
  it.each(crashes)('%s rejects all that waits', async (_what, crash) => {
    const { engine, worker, experiment } = await running();
    const onCrash = vi.fn();
    engine.addEventListener('crash', onCrash);
    const waiting = [experiment.train(10), experiment.logDensity([0], grid)];
    crash(worker);
    crash(worker);
    for (const call of waiting) expect((await errorOf(call)).code).toBe('crashed');
    expect(onCrash).toHaveBeenCalledOnce();
    expect(onCrash.mock.calls[0]?.[0]).toMatchObject({ type: 'crash', error: engine.error });
    expect(worker.terminated).toBe(true);
    expect(engine.status).toBe('crashed');
    // Nothing starts by itself.
    expect((await errorOf(experiment.train(1))).code).toBe('crashed');
    expect((await errorOf(engine.createExperiment(quickConfig))).code).toBe('crashed');
    expect(engine.status).toBe('crashed');
  });

  it('is over after a restart, but its experiments are gone', async () => {
    const { engine, worker, workers, experiment } = await running();
    worker.throws('unreachable');
    const onRestart = vi.fn();
    engine.addEventListener('restart', onRestart);
    engine.restart();
    engine.restart();
    expect(onRestart).toHaveBeenCalledOnce();
    expect(workers).toHaveLength(2);
    expect((await errorOf(experiment.train(1))).code).toBe('crashed');
    // Letting go of the old one does not touch the new worker.
    experiment.dispose();
    const making = engine.createExperiment(quickConfig);
    await settled();
    workers[1]?.ready();
    workers[1]?.answers('create', created);
    await making;
    expect(workers[1]?.requests.map(({ kind }) => kind)).toEqual(['create']);
  });

  it('does not follow from restarting an engine that runs', async () => {
    const { engine, workers } = await running();
    engine.restart();
    expect(workers).toHaveLength(1);
    expect(engine.status).toBe('ready');
  });
});

describe('letting go', () => {
  it('of the last experiment ends the worker; the next one starts another', async () => {
    const { engine, worker, workers, experiment } = await running();
    const making = engine.createExperiment(quickConfig);
    worker.answers('create', created);
    const other = await making;
    const waiting = errorOf(other.train(10));
    experiment.dispose();
    expect(worker.last('dispose').experiment).toBe(1);
    expect(worker.terminated).toBe(false);
    other.dispose();
    other.dispose();
    expect(worker.terminated).toBe(true);
    expect((await waiting).code).toBe('cancelled');
    expect(engine.status).toBe('idle');
    expect((await errorOf(other.train(1))).code).toBe('no_such_experiment');

    const again = engine.createExperiment(quickConfig);
    await settled();
    workers[1]?.ready();
    workers[1]?.answers('create', created);
    await again;
    expect(workers).toHaveLength(2);
  });

  it('of one that was never made ends the worker too', async () => {
    const { engine, worker } = fakeEngine();
    const controller = new AbortController();
    const call = engine.createExperiment(quickConfig, { signal: controller.signal });
    await settled();
    controller.abort();
    expect((await errorOf(call)).code).toBe('cancelled');
    expect(worker().terminated).toBe(true);
    expect(engine.status).toBe('idle');
  });

  it('of one that is still being made frees it in the worker', async () => {
    const { engine, worker } = await running();
    const controller = new AbortController();
    const call = engine.createExperiment(quickConfig, { signal: controller.signal });
    controller.abort();
    await errorOf(call);
    expect(worker.requests.slice(-3).map(({ kind }) => kind)).toEqual([
      'create',
      'cancel',
      'dispose',
    ]);
    expect(worker.last('dispose').experiment).toBe(worker.last('create').experiment);
  });

  it('of one that was refused leaves the others alone', async () => {
    const { engine, worker, experiment } = await running();
    const call = engine.createExperiment({ ...quickConfig, steps: 0 });
    const error: ErrorBody = { code: 'invalid_config', message: '', problems: [] };
    worker.says({ type: 'error', id: worker.last('create').id, error });
    expect((await errorOf(call)).code).toBe('invalid_config');
    expect(worker.terminated).toBe(false);
    const alive: Experiment = experiment;
    void alive.pause();
    worker.answers('pause', null);
  });
});

describe('a run', () => {
  const run: SavedRun = {
    state: {
      parameters: Float32Array.of(1),
      ema: Float32Array.of(2),
      firstMoment: Float32Array.of(3),
      secondMoment: Float32Array.of(4),
      stepsDone: 5,
      diverged: false,
    },
    stop: null,
    timeFrequencies: [],
    version: '1.2.3',
  };

  it('is saved, and goes on in an experiment of its own', async () => {
    const { worker, experiment } = await running();
    const saving = experiment.save();
    worker.answers('save', run);
    expect(await saving).toBe(run);
    const config = { ...quickConfig, seed: 9 };
    const opening = experiment.restore(config, run);
    const { experiment: of, as } = worker.last('restore');
    expect(as).not.toBe(of);
    worker.answers('restore', { ...created, whole: true });
    const opened = await opening;
    expect(opened.config).toBe(config);
    experiment.dispose();
    const training = opened.train(1);
    expect(worker.last('train')).toMatchObject({ experiment: as });
    worker.answers('train', { stepsDone: 6, reason: 'budget' });
    expect(await training).toEqual({ stepsDone: 6, reason: 'budget' });
  });
});

describe('a reflow', () => {
  const reflow = { pairs: 1000, seed: 0, oneStep: false };

  it('gives another experiment, beside the one that it is of', async () => {
    const { worker, engine, experiment } = await running();
    const shares: number[] = [];
    const making = experiment.reflow(reflow, { onProgress: (share) => shares.push(share) });
    const request = worker.last('reflow');
    expect(request).toMatchObject({ reflow });
    expect(request.as).not.toBe(request.experiment);
    worker.says({ type: 'progress', id: request.id, progress: 0.5 });
    worker.answers('reflow', { ...created, whole: true, pairs: 998 });
    const made = await making;
    expect(shares).toEqual([0.5]);
    expect(made.created.pairs).toBe(998);
    expect(made.config).toBe(experiment.config);
    made.train(1).catch(() => null);
    expect(worker.last('train').experiment).toBe(request.as);
    experiment.dispose();
    expect(worker.last('dispose').experiment).toBe(request.experiment);
    expect(engine.status).toBe('ready');
    made.dispose();
    expect(engine.status).toBe('idle');
  });

  it('that is cancelled leaves none, even if it had just been made', async () => {
    const { worker, engine, experiment } = await running();
    const life = new AbortController();
    const making = experiment.reflow(reflow, { signal: life.signal });
    const { id, as } = worker.last('reflow');
    life.abort();
    expect((await errorOf(making)).code).toBe('cancelled');
    expect(worker.last('cancel').target).toBe(id);
    expect(worker.last('dispose').experiment).toBe(as);
    worker.says({ type: 'result', id, kind: 'reflow', result: created });
    expect(engine.status).toBe('ready');
    void experiment.train(1);
    expect(worker.last('train').experiment).not.toBe(as);
  });
});
