// The data, time and stopping rule of a reader's own, through the bindings of the module itself.
import { beforeAll, describe, expect, it } from 'vitest';

import type { Experiment, MainModule } from '#wasm';

import type { DataConfig, ExperimentConfig } from '../../web/src/engine/protocol';
import { plainField } from '../../web/src/engine/protocol';
import { experimentConfigOf, samplerConfigOf } from '../../web/src/state/configs';
import { dataSetParameters } from '../../web/src/state/data-set-parameters';
import { defaultState, settings } from '../../web/src/state/settings';
import { loadUnderNode } from './module';

const config: ExperimentConfig = {
  ...experimentConfigOf(defaultState),
  hidden: [8],
  batchSize: 32,
  steps: 400,
};

let module: MainModule;
beforeAll(async () => {
  module = await loadUnderNode('flowmatch');
});

/** What is done with an experiment, which is let go afterwards. */
function within<T>(change: Partial<ExperimentConfig>, use: (experiment: Experiment) => T): T {
  const { experiment, problems } = module.Experiment.create({ ...config, ...change }, 1);
  if (!experiment) throw new Error(JSON.stringify(problems));
  try {
    return use(experiment);
  } finally {
    experiment.delete();
  }
}

/** The fields that are refused. */
function refused(change: Partial<ExperimentConfig> | { data: object }): string[] {
  const wrong = { ...config, ...change } as ExperimentConfig;
  const { experiment, problems } = module.Experiment.create(wrong, 1);
  experiment?.delete();
  return problems.map(({ field }) => field as string);
}

const logDensity = (data: DataConfig, points: number[]) =>
  within({ data }, (experiment) => [
    ...experiment.logDensity(plainField, 1, Float32Array.from(points)),
  ]);

/** log of a Gaussian in the plane. */
function logGaussian(x: number, y: number, [row0, row1]: number[][]): number {
  const [a = 0, b = 0] = row0 ?? [];
  const d = row1?.[1] ?? 0;
  const det = a * d - b * b;
  const square = (d * x * x - 2 * b * x * y + a * y * y) / det;
  return -square / 2 - Math.log(2 * Math.PI) - Math.log(det) / 2;
}

describe('the sets of the literature', () => {
  const names = Object.keys(dataSetParameters) as (keyof typeof dataSetParameters)[];

  it('have the parameters, defaults and ranges that the page has of them', () => {
    for (const name of names)
      expect(module.dataSetParameters(name)).toEqual(dataSetParameters[name]);
    expect(module.dataSetParameters('ring')).toEqual([]);
    expect(names.length).toBe(settings.dataSet.choices.length - 3);
  });

  it.each(names)('%s takes each of its parameters, and refuses each out of range', (dataSet) => {
    for (const { name, low, high, standard, whole } of dataSetParameters[dataSet]) {
      const other = whole ? 3 : (standard + high) / 2;
      expect(refused({ data: { dataSet, [name]: other } })).toEqual([]);
      expect(refused({ data: { dataSet, [name]: low - 1 } })).toEqual([`data.${name}`]);
      expect(refused({ data: { dataSet, [name]: high * 1.01 + 1 } })).toEqual([`data.${name}`]);
      expect(refused({ data: { dataSet, [name]: NaN } })).toEqual([`data.${name}`]);
      if (whole) expect(refused({ data: { dataSet, [name]: 2.5 } })).toEqual([`data.${name}`]);
    }
  });

  it('are what their parameters say', () => {
    const reach = (data: DataConfig) => within({ data }, (experiment) => module.reach(experiment));
    expect(reach({ dataSet: 'rings', radius: 6, noise: 0 })).toBeCloseTo(6, 2);
    expect(reach({ dataSet: 'rings', radius: 6, noise: 0, scale: 0.5, shiftX: 10 })).toBeCloseTo(
      13,
      2,
    );
    expect(reach({ dataSet: 'eight_gaussians' })).toBeCloseTo(5 + 4 * Math.sqrt(0.1), 6);
    const data: DataConfig = { dataSet: 'checkerboard', count: 3 };
    expect(within({ data, labels: true }, (experiment) => experiment.labels())).toBe(5);
  });

  it('refuse a name that none has, and a parameter that they have not', () => {
    expect(refused({ data: { dataSet: 'stars' } })).toEqual(['data.dataSet']);
    expect(refused({ data: { dataSet: 'moons', turns: 2, noise: 0.1 } })).toEqual(['data.turns']);
  });
});

describe('mixtures', () => {
  const covariances = [
    [
      [2, 0.5],
      [0.5, 1],
    ],
    [
      [0.25, 0],
      [0, 4],
    ],
  ];
  const means = [
    [1, -2],
    [-3, 0.5],
  ];
  const mixture = { weights: [3, 1], means, covariances };

  it('have the density that their numbers give them', () => {
    const points = [1, -2, -3, 0.5, 0, 0, 2.5, -1];
    const found = logDensity(mixture, points);
    found.forEach((value, i) => {
      const [x = 0, y = 0] = points.slice(2 * i, 2 * i + 2);
      const parts = means.map(([mx = 0, my = 0], k) =>
        Math.exp(logGaussian(x - mx, y - my, covariances[k] ?? [])),
      );
      const density = 0.75 * (parts[0] ?? 0) + 0.25 * (parts[1] ?? 0);
      expect(value).toBeCloseTo(Math.log(density), 3);
    });
  });

  it('have their components as classes, and reach four deviations', () => {
    within({ data: mixture, labels: true }, (experiment) => {
      expect(experiment.labels()).toBe(2);
      expect(module.reach(experiment)).toBeCloseTo(8.5, 6);
    });
  });

  it.each([
    ['data.weights', { weights: [3] }],
    ['data.weights[1]', { weights: [3, -1] }],
    ['data.weights', { weights: 3 }],
    ['data.means[0]', { means: [[1], [0, 0]] }],
    [
      'data.means[0]',
      {
        means: [
          [1, 2, 3],
          [0, 0],
        ],
      },
    ],
    ['data.covariances[1]', { covariances: [covariances[0], [[1, 0]]] }],
    ['data.covariances[1][1]', { covariances: [covariances[0], [[1, 0], [0]]] }],
    [
      'data.covariances[1]',
      {
        covariances: [
          covariances[0],
          [
            [1, 2],
            [2, 1],
          ],
        ],
      },
    ],
    ['data.covariances', { covariances: null }],
  ])('are refused with their place: %s', (field, change) => {
    expect(refused({ data: { ...mixture, ...change } })[0]).toBe(field);
  });
});

describe('given points', () => {
  const points = Float32Array.of(0, 0, 2, 0, 0, 4);

  it('are a mixture of narrow Gaussians, each as likely', () => {
    const smoothing = 0.5;
    const cov = [
      [0.25, 0],
      [0, 0.25],
    ];
    const at = [0.3, 0.1];
    const [value = NaN] = logDensity({ points, smoothing }, at);
    const sum = [0, 1, 2].reduce((total, i) => {
      const dx = (at[0] ?? 0) - (points[2 * i] ?? 0);
      const dy = (at[1] ?? 0) - (points[2 * i + 1] ?? 0);
      return total + Math.exp(logGaussian(dx, dy, cov)) / 3;
    }, 0);
    expect(value).toBeCloseTo(Math.log(sum), 3);
  });

  it('have classes if they are given some', () => {
    const labels = Int32Array.of(0, 1, 1);
    const data = { points, labels, smoothing: 0.1 };
    expect(within({ data, labels: true }, (experiment) => experiment.labels())).toBe(2);
    expect(refused({ data: { points, smoothing: 0.1 }, labels: true })).toEqual(['labels']);
    const gap = { ...data, labels: Int32Array.of(0, 2, 2) };
    expect(refused({ data: gap, labels: true })).toEqual(['data.labels']);
    expect(refused({ data: { ...data, labels: Int32Array.of(0) } })).toEqual(['data.labels']);
  });

  it('are refused where they are none', () => {
    expect(refused({ data: { points: new Float32Array(0), smoothing: 0 } })).not.toEqual([]);
    expect(refused({ data: { points: new Float32Array(3), smoothing: 0 } })).toEqual([
      'data.points',
    ]);
    expect(refused({ data: { points: Float32Array.of(1, NaN), smoothing: 0 } })[0]).toContain(
      'data.points',
    );
    expect(refused({ data: { points, smoothing: -1 } })).toEqual(['data.smoothing']);
    expect(refused({ data: { points } })).toEqual(['data.smoothing']);
  });

  it('are read from text by the core', () => {
    const { points, labels, columns, problems } = module.parsePoints(
      'x;y;class\n1;2;0\n-3;4e-1;5\n',
      -1,
    );
    expect(problems).toEqual([]);
    expect([...points]).toEqual([1, 2, -3, Math.fround(0.4)]);
    expect([...labels]).toEqual([0, 5]);
    expect(columns).toBe(2);
    const plain = module.parsePoints('1 2 0\n3 4 1', -1);
    expect(plain.columns).toBe(3);
    expect([...plain.labels]).toEqual([]);
    expect([...module.parsePoints('1 2 0\n3 4 1', 2).labels]).toEqual([0, 1]);
  });

  it('say in which line and column text is wrong', () => {
    const { points, problems } = module.parsePoints('1,2\n3,four\n5,6', -1);
    expect(points.length).toBe(0);
    expect(problems.map(({ field }) => field)).toEqual(['line 2, column 2']);
    expect(problems[0]?.value).toContain('four');
    expect(module.parsePoints('', -1).problems.length).toBe(1);
    expect(module.parsePoints('1,2', 1.5).problems.map(({ field }) => field)).toEqual([
      'labelColumn',
    ]);
  });
});

const ring = { components: 3, radius: 3, standardDeviation: 0.5 };

describe('a source', () => {
  it('is where clouds start', () => {
    const points = Float32Array.of(3, 4);
    const source = { points, smoothing: 0.001 };
    within({ source }, (experiment) => {
      const { flow } = experiment.startFlow(
        { ...samplerConfigOf(defaultState, 'exact'), particles: 3 },
        1,
      );
      if (!flow) throw new Error('refused');
      while (!flow.advance(Infinity));
      const start = [...flow.positions()].slice(0, 6);
      flow.delete();
      start.forEach((value, i) => {
        expect(value).toBeCloseTo(i % 2 ? 4 : 3, 1);
      });
    });
  });

  it('gives its own density to likelihoods, if it has one', () => {
    const likelihood = {
      field: 'exact',
      options: plainField,
      solver: 'rk4',
      steps: 60,
      tolerance: 1e-5,
      probes: 0,
      seed: 0,
    };
    const from = (source: DataConfig) =>
      within({ source, data: { ...ring, radius: 2 } }, (experiment) => {
        const at = Float32Array.of(2, 0);
        const { run, problems } = module.startLikelihood(experiment, likelihood, at);
        if (!run) return problems.map(({ field }) => field as string);
        while (!run.advance(Infinity));
        const [found = NaN] = run.result().logDensity;
        run.delete();
        const [exact = NaN] = experiment.logDensity(plainField, 1, at);
        return found - exact;
      });
    expect(from({ components: 1, radius: 1, standardDeviation: 2 })).toBeCloseTo(0, 2);
    expect(from({ dataSet: 'pinwheel' })).toEqual(['source']);
  });

  it('is refused with its own name, and refuses what holds for noise alone', () => {
    expect(refused({ source: { dataSet: 'moons', noise: 11 } })).toEqual(['source.noise']);
    const unknown = { source: { dataSet: 'stars' as 'moons' } };
    expect(refused(unknown)).toEqual(['source.dataSet']);
    const source = { dataSet: 'moons' } as const;
    expect(refused({ source })).toEqual([]);
    expect(refused({ source, prediction: 'score' })).toEqual(['prediction']);
    within({ source }, (experiment) => {
      const sampler = { ...samplerConfigOf(defaultState, 'exact'), solver: 'euler_maruyama' };
      const { flow, problems } = experiment.startFlow(sampler, 1);
      expect(flow).toBeNull();
      expect(problems.map(({ field }) => field)).toEqual(['solver']);
    });
  });
});

describe('a run', () => {
  it('stops by its rule at a step that does not depend on how it is cut', () => {
    const stop = { metric: 'loss', below: 1e6, every: 7, patience: 0, count: 100 } as const;
    const endsAt = (cut: number) =>
      within({ stop }, (experiment) => {
        for (let i = 0; i < 100; i++) experiment.train(cut, Infinity);
        const { reason, last, best } = module.stopState(experiment);
        expect(reason).toBe('below');
        expect(last).toBe(best);
        expect(last).toBeGreaterThan(0);
        return experiment.stepsDone();
      });
    expect(endsAt(1)).toBe(7);
    expect(endsAt(400)).toBe(7);
  });

  it('stops when it gets no better, and not before there was a measurement', () => {
    const stop = { metric: 'sliced_w2', below: 0, every: 5, patience: 1, count: 50 } as const;
    within({ stop, learningRate: 1e-30, emaDecay: 0 }, (experiment) => {
      expect(module.stopState(experiment)).toEqual({ reason: 'none', last: null, best: null });
      experiment.train(400, Infinity);
      expect(module.stopState(experiment).reason).toBe('no_improvement');
      expect(experiment.stepsDone()).toBeLessThan(400);
      expect(experiment.stepsDone() % 5).toBe(0);
    });
  });

  it('without a rule goes on to its last step', () => {
    within({}, (experiment) => {
      experiment.train(1000, Infinity);
      expect(experiment.stepsDone()).toBe(400);
      expect(module.stopState(experiment).reason).toBe('none');
    });
  });

  it('refuses a rule that says nothing, and numbers out of range', () => {
    const rule = { metric: 'loss', below: 1, every: 10, patience: 1, count: 100 } as const;
    expect(refused({ stop: { ...rule, below: 0, patience: 0 } })).toEqual(['stop.metric']);
    expect(refused({ stop: { ...rule, every: 0 } })).toEqual(['stop.every']);
    expect(refused({ stop: { ...rule, patience: 1.5 } })).toEqual(['stop.patience']);
    expect(refused({ stop: { ...rule, count: 1 } })).toEqual(['stop.count']);
    expect(refused({ stop: { ...rule, below: -1 } })).toEqual(['stop.below']);
    expect(refused({ stop: { ...rule, metric: 'luck' as 'loss' } })).toEqual(['stop.metric']);
  });

  it('depends on the fixed time and on the seed of Fourier features', () => {
    const hash = (change: Partial<ExperimentConfig>) =>
      within(change, (experiment) => {
        experiment.train(3, Infinity);
        return experiment.stateHash();
      });
    const at = (fixedTime: number) => ({
      timeLaw: { ...config.timeLaw, law: 'fixed' as const, fixedTime },
    });
    expect(hash(at(0.25))).toBe(hash(at(0.25)));
    expect(hash(at(0.25))).not.toBe(hash(at(0.5)));
    expect(refused(at(1.5))).toEqual(['timeLaw.fixedTime']);
    const features = (seed: number) => ({
      timeFeatures: { kind: 'fourier' as const, count: 8, scale: 1, seed },
    });
    expect(hash(features(1))).toBe(hash(features(1)));
    expect(hash(features(1))).not.toBe(hash(features(2)));
    expect(refused(features(-1))).toEqual(['timeFeatures.seed']);
  });
});

describe('the small module', () => {
  it('has the ring, and leaves all of this to the whole one', async () => {
    const basic = await loadUnderNode('flowmatch-basic');
    const create = (change: Partial<ExperimentConfig>) => {
      const { experiment, problems } = basic.Experiment.create({ ...config, ...change }, 1);
      experiment?.delete();
      return { made: experiment !== null, problems: problems.length };
    };
    expect(create({})).toEqual({ made: true, problems: 0 });
    expect(create({ data: { components: 0, radius: 1, standardDeviation: 1 } })).toEqual({
      made: false,
      problems: 1,
    });
    const points = Float32Array.of(0, 0);
    const more: Partial<ExperimentConfig>[] = [
      { data: { dataSet: 'moons' } },
      {
        data: {
          weights: [1],
          means: [[0, 0]],
          covariances: [
            [
              [1, 0],
              [0, 1],
            ],
          ],
        },
      },
      { data: { points, smoothing: 0 } },
      { source: { dataSet: 'moons' } },
      { stop: { metric: 'loss', below: 1, every: 10, patience: 1, count: 100 } },
      { timeLaw: { ...config.timeLaw, fixedTime: 0.5 } },
      { timeFeatures: { ...config.timeFeatures, seed: 1 } },
    ];
    for (const change of more) expect(create(change)).toEqual({ made: false, problems: 0 });
  });
});
