// What a figure asks of likelihoods, and when: roughly while training, well at rest, and nothing that nobody sees.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { plainField } from '../../../web/src/engine/protocol';
import { mapGrid } from '../../../web/src/figure/draw/geometry';
import { integralAtEnd, Likelihoods, type Followed } from '../../../web/src/figure/likelihoods';
import { quickConfig } from '../fake-module';
import { FakeExperiment } from './fake-engine';

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

let experiment: FakeExperiment;
let session: Changeable<Followed>;
let changes: number;
let likelihoods: Likelihoods;
beforeEach(() => {
  experiment = new FakeExperiment(quickConfig);
  session = {
    experiment,
    created: experiment.created,
    config: quickConfig,
    phase: 'flowing',
    stepsDone: 0,
    half: 15,
    kind: { rectified: 1, student: false },
    method: null,
    options: plainField,
  };
  changes = 0;
  likelihoods = new Likelihoods(session, () => changes++);
});

/** Trains to this step, then rests or goes on. */
function trained(stepsDone: number, phase: 'training' | 'paused'): void {
  session.stepsDone = experiment.stepsDone = stepsDone;
  session.phase = phase;
  likelihoods.update(true, true);
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

describe('the learned density', () => {
  it('is asked for while it is on show, also of an untrained network', async () => {
    likelihoods.update(true, false);
    expect(experiment.densities).toHaveLength(0);
    likelihoods.update(true, true);
    expect(experiment.densities).toHaveLength(1);
    experiment.densities[0]?.answer({});
    await settle();
    expect(likelihoods.density).toMatchObject({ integral: 1.001, stepsDone: 0 });
    const { grid, logDensity } = likelihoods.density ?? {};
    expect(grid).toEqual(mapGrid(15, grid?.columns));
    expect(logDensity).toHaveLength((grid?.columns ?? 0) ** 2);
    expect(changes).toBe(1);
    // It is known now.
    likelihoods.update(true, true);
    expect(experiment.densities).toHaveLength(1);
  });

  it('is given up when the view changes, and when nobody watches', () => {
    likelihoods.update(true, true);
    likelihoods.update(true, false);
    likelihoods.update(true, true);
    likelihoods.update(false, true);
    expect(experiment.densities.map(({ signal }) => signal?.aborted)).toEqual([true, true]);
  });

  it('is found roughly while training, and well when it rests', async () => {
    trained(100, 'training');
    const [rough] = experiment.densities;
    rough?.answer({ seconds: 1e-9 });
    await settle();
    trained(200, 'paused');
    const [, well] = experiment.densities;
    expect(well?.size).toBeGreaterThan(rough?.size ?? Infinity);
    expect(well?.likelihood.steps).toBeGreaterThan(rough?.likelihood.steps ?? Infinity);
    expect(well?.likelihood.field).toBe('learned');
    // Training goes on before it is there.
    trained(201, 'training');
    expect(well?.signal?.aborted).toBe(true);
  });

  it('is of the model that there is: what was asked of an earlier one is dropped', async () => {
    likelihoods.update(true, true);
    experiment.densities[0]?.answer({});
    await settle();
    session.created = { ...experiment.created };
    likelihoods.update(true, true);
    expect(likelihoods.density).toBeNull();
    expect(experiment.densities).toHaveLength(2);
  });

  it('is that of the class, and under the schedule, that are looked at', async () => {
    likelihoods.update(true, true);
    experiment.densities[0]?.answer({});
    await settle();
    const ofClass = { ...plainField, guidance: { label: 2, scale: 0 } };
    session.options = ofClass;
    likelihoods.update(true, true);
    expect(likelihoods.density).toBeNull();
    expect(experiment.densities.map(({ likelihood }) => likelihood.options)).toEqual([
      plainField,
      ofClass,
    ]);
    session.options = { ...ofClass, schedule: { ...ofClass.schedule, schedule: 'cosine' } };
    likelihoods.update(true, true);
    expect(experiment.densities.map(({ signal }) => signal?.aborted)).toEqual([false, true, false]);
  });

  it('is estimated from so many probes, and asked for again when they are others', () => {
    likelihoods.update(true, true);
    likelihoods.update(true, true, 3);
    likelihoods.update(true, true, 3);
    expect(experiment.densities.map(({ likelihood }) => likelihood.probes)).toEqual([0, 3]);
    expect(experiment.densities[0]?.signal?.aborted).toBe(true);
  });

  it('is found by steps that end where the couplings of a normalizing flow do', () => {
    session.method = { couplingLayers: 7, maxLogScale: 2 };
    likelihoods.update(true, true);
    const steps = experiment.densities[0]?.likelihood.steps ?? NaN;
    expect(steps % 7).toBe(0);
    expect(steps).toBeGreaterThanOrEqual(12);
  });

  it('is none where the source has none, and says so', () => {
    expect(likelihoods.absence).toBeUndefined();
    for (const dataSet of ['moons_torchdyn', 'pinwheel'] as const) {
      session.config = { ...quickConfig, source: { dataSet } };
      likelihoods.update(true, true);
      expect(likelihoods.absence).toBe('none, as the source has none');
    }
    const points = Float32Array.of(1, 2);
    session.config = { ...quickConfig, source: { points, smoothing: 0 } };
    expect(likelihoods.absence).toBeDefined();
    expect(experiment.densities).toHaveLength(0);
    session.config = { ...quickConfig, source: { points, smoothing: 0.1 } };
    expect(likelihoods.absence).toBeUndefined();
  });

  it('is none of a student for one step', () => {
    session.kind = { rectified: 1, student: true };
    expect(likelihoods.absence).toBe('a student has none');
    likelihoods.update(true, true);
    expect(experiment.densities).toEqual([]);
  });

  it('is not asked of an engine that is gone', () => {
    session.experiment = null;
    session.phase = 'error';
    likelihoods.update(true, true);
    expect(likelihoods.density).toBeNull();
  });
});

describe('the likelihood of data', () => {
  it('is not asked of an untrained network', () => {
    likelihoods.update(true, false);
    expect(experiment.likelihoods).toHaveLength(0);
  });

  it('leaves most of the time to training', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    trained(10, 'training');
    experiment.likelihoods[0]?.answer({ seconds: 0.5 });
    await settle();
    trained(20, 'training');
    expect(experiment.likelihoods).toHaveLength(1);
    vi.advanceTimersByTime(2900);
    trained(30, 'training');
    expect(experiment.likelihoods).toHaveLength(1);
    vi.advanceTimersByTime(200);
    trained(40, 'training');
    expect(experiment.likelihoods).toHaveLength(2);
    vi.useRealTimers();
  });

  it('keeps the history of a run, all of as many samples', async () => {
    trained(10, 'training');
    experiment.likelihoods[0]?.answer({ seconds: 0 });
    await settle();
    trained(20, 'paused');
    experiment.likelihoods[1]?.answer({});
    await settle();
    expect(likelihoods.history.map(({ stepsDone }) => stepsDone)).toEqual([10]);
    expect(likelihoods.data).toMatchObject({ stepsDone: 20, count: 2000 });
  });
});

it('the exact density has its integral by the same rule', () => {
  const grid = mapGrid(6, 49);
  const values = Float32Array.from({ length: 2 * 49 * 49 }, (_, index) => {
    const x = -6 + ((index % 49) * 12) / 48;
    const y = -6 + (Math.floor((index % (49 * 49)) / 49) * 12) / 48;
    // N(0, I) at t = 1, and something else before.
    return index < 49 * 49 ? -1 : -(x * x + y * y) / 2 - Math.log(2 * Math.PI);
  });
  expect(integralAtEnd({ grid, times: Float64Array.of(0, 1), values })).toBeCloseTo(1, 5);
});
