// The state table: every state survives its link and its attributes; nothing wrong is taken silently.
import { describe, expect, it } from 'vitest';
import {
  classCount,
  dataOf,
  experimentConfigOf,
  guidanceOf,
  samplerConfigOf,
} from '../../web/src/state/configs';
import { attributeNames, readAttributes, readLink, readValue } from '../../web/src/state/link';
import { applyPreset, presets } from '../../web/src/state/presets';
import { describeProblem, keyOfProblem } from '../../web/src/state/problems';
import { pairsIn, rowsIn } from '../../web/src/state/setting';
import {
  assemble,
  changedKeys,
  defaultState,
  keys,
  matters,
  maxPoints,
  settings,
  writeValue,
  withFittingSolver,
  type Key,
  type State,
} from '../../web/src/state/settings';
import { fitsLink, writeLink } from '../../web/src/state/write-link';

/** Numbers in [0, 1), the same in every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let x = Math.imul(a ^ (a >>> 15), 1 | a);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Any value that a setting allows, its bounds more often than chance would have it. */
function randomValue(key: Key, random: () => number): State[Key] {
  const setting = settings[key];
  switch (setting.kind) {
    case 'number': {
      const { min, max } = setting;
      const edge = random();
      let value = min + random() * (max - min);
      if (edge < 0.1 && !setting.minExcluded) value = min;
      if (edge > 0.9 && !setting.maxExcluded) value = max;
      return setting.whole ? Math.floor(value) : value;
    }
    case 'choice': {
      const names = setting.choices;
      return names[Math.floor(random() * names.length)] as State[Key];
    }
    case 'class':
      return Math.floor(random() * 20) - 1;
    case 'switch':
      return random() < 0.5;
    case 'table':
      return randomTable(key, random);
    case 'widths':
      return Array.from({ length: Math.floor(random() * (setting.maxLayers + 1)) }, () =>
        Math.floor(1 + random() * setting.maxWidth),
      );
  }
}

/** Of any size that a link carries. */
function randomTable(key: Key, random: () => number): string {
  const number = () => String(Number((20 * random() - 10).toFixed(3)) + 0);
  const row = {
    parameters: () => `${random() < 0.5 ? 'noise' : 'shiftX'}_${number()}`,
    mixture: () => Array.from({ length: 6 }, number).join('_'),
    points: () => `${number()}_${number()}_2`,
  }[key.replace(/^source/, '').toLowerCase() as 'parameters' | 'mixture' | 'points'];
  const least = /parameters$/i.test(key) ? 0 : 1;
  return Array.from({ length: least + Math.floor(10 * random()) }, row).join(' ');
}

const randomState = (random: () => number, base: State = defaultState): State =>
  assemble((key) => (random() < 0.4 ? base[key] : randomValue(key, random)));

describe('the table', () => {
  it('names every setting once, in a way that links and attributes can carry', () => {
    const names = keys.map((key) => settings[key].name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(names).not.toContain('v');
    expect(names).not.toContain('preset');
    // These mean something else on every element of a page.
    for (const name of ['id', 'class', 'style', 'title', 'hidden', 'slot'])
      expect(names).not.toContain(name);
  });

  it('has defaults and presets that it allows itself', () => {
    for (const state of Object.values(presets)) {
      for (const key of keys) {
        expect(readValue(key, writeValue(key, state[key]))).toEqual({
          ok: true,
          value: state[key],
        });
      }
    }
  });
});

describe('links', () => {
  it('bring every state back exactly', () => {
    const random = randomNumbers(1);
    for (let i = 0; i < 1000; i++) {
      const base = random() < 0.5 ? presets.blog : presets.quick;
      const state = withFittingSolver(randomState(random, base));
      const link = writeLink(state);
      expect(readLink(`?${link}`)).toEqual({ state, problems: [] });
    }
  });

  it('say only what differs from a preset', () => {
    expect(writeLink(defaultState)).toBe('v=1');
    expect(writeLink(presets.blog)).toBe('v=1&preset=blog');
    expect(writeLink({ ...presets.blog, seed: 7 })).toBe('v=1&preset=blog&seed=7');
    expect(writeLink({ ...defaultState, hidden: [128, 128] })).toBe('v=1&hidden-layers=128-128');
  });

  it('may be empty, or without a version when written by hand', () => {
    expect(readLink('')).toEqual({ state: defaultState, problems: [] });
    expect(readLink('?seed=3').state.seed).toBe(3);
  });

  it('of a newer version are refused with a reason', () => {
    const { state, problems } = readLink('?v=2&seed=3');
    expect(state).toEqual(defaultState);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ field: 'v', value: '2' });
    expect(problems[0]?.allowed).toContain('newer version');
  });

  it.each(['0', '-1', 'one', '1.5', ''])('of version %j are refused', (version) => {
    expect(readLink(`?v=${version}`).problems[0]?.field).toBe('v');
  });

  it('report every problem, and keep the default of each', () => {
    const { state, problems } = readLink(
      '?v=1&steps=0&learning-rate=fast&hidden-layers=64-0&schedule=linear&playing=maybe&seed=5',
    );
    expect(state).toEqual({ ...defaultState, seed: 5 });
    expect(problems.map(({ field }) => field).sort()).toEqual(
      ['hidden', 'learningRate', 'playing', 'schedule', 'steps'].sort(),
    );
    expect(problems.find(({ field }) => field === 'steps')).toEqual({
      field: 'steps',
      value: '0',
      allowed: 'a whole number from 1 to 1,000,000',
    });
  });

  it('have no SDE where the fields do not tell its score, and say so', () => {
    for (const query of ['method=cnf', 'method=normalizing_flow', 'source=moons']) {
      const { state, problems } = readLink(`?${query}&solver=euler_maruyama`);
      expect(state.solver).toBe('midpoint');
      expect(problems).toMatchObject([{ field: 'solver', value: 'euler_maruyama' }]);
      expect(describeProblem(problems[0] ?? { field: '', value: '', allowed: '' })).toContain(
        'Solver: must be one of the ODE',
      );
    }
    expect(readLink('?solver=stochastic_heun').problems).toEqual([]);
    expect(readLink('?method=cnf&solver=rk4').state.solver).toBe('rk4');
  });

  it('fall back to the preset that they name', () => {
    const { state, problems } = readLink('?preset=blog&batch-size=1e9');
    expect(state).toEqual(presets.blog);
    expect(problems).toHaveLength(1);
    expect(readLink('?preset=slow').problems[0]).toMatchObject({ field: 'preset', value: 'slow' });
  });

  it('with unknown or repeated settings are told so', () => {
    const { state, problems } = readLink('?sed=3&seed=4&seed=5');
    expect(state.seed).toBe(4);
    expect(problems.map(({ field }) => field)).toEqual(['sed', 'seed']);
  });

  it('cannot reach anything but the table', () => {
    const { state, problems } = readLink('?__proto__=1&constructor=2&preset=__proto__');
    expect(state).toEqual(defaultState);
    expect(problems).toHaveLength(3);
  });
});

describe('values', () => {
  const refused: [Key, string[]][] = [
    ['steps', ['', ' ', '0', '-1', '1.5', '1000001', '1e9', 'NaN', 'Infinity', '0x10', '1,000']],
    ['learningRate', ['0', '-0.1', '1.01', 'nan', '1e999', '.', 'e3']],
    ['emaDecay', ['1', '-0.1', '2']],
    ['seed', ['-1', '9007199254740992', '0.5']],
    ['t', ['-0.01', '1.01']],
    ['speed', ['0', '0.09', '4.1']],
    ['hidden', ['0', '4097', '64-', '-64', '64--64', '1-2-3-4-5-6-7-8-9', '64.5', '1e3', 'x']],
    ['label', ['', '-1', '1024', '1.5', 'none']],
    ['schedule', ['', 'COND_OT', 'linear']],
    ['playing', ['yes', '2']],
  ];
  it.each(refused)('%s refuses what is not allowed', (key, texts) => {
    for (const text of texts) {
      const reading = readValue(key, text);
      expect(reading, `${key} = ${JSON.stringify(text)}`).toEqual({
        ok: false,
        problem: { field: key, value: text, allowed: settings[key].allowed },
      });
    }
  });

  const taken: [Key, string, State[Key]][] = [
    ['steps', ' 5000 ', 5000],
    ['steps', '5e3', 5000],
    ['seed', '9007199254740991', Number.MAX_SAFE_INTEGER],
    ['learningRate', '1', 1],
    ['learningRate', '3e-3', 0.003],
    ['emaDecay', '0', 0],
    ['t', '-0', 0],
    ['hidden', '', []],
    ['hidden', '1024 - 16', [1024, 16]],
    ['label', 'all', -1],
    ['label', ' 12 ', 12],
    ['playing', '', true],
    ['playing', 'OFF', false],
  ];
  it.each(taken)('%s takes %j', (key, text, value) => {
    expect(readValue(key, text)).toEqual({ ok: true, value });
  });

  it('say what they may be in words', () => {
    expect(settings.learningRate.allowed).toBe('a number above 0, at most 1');
    expect(settings.emaDecay.allowed).toBe('a number from 0, below 1');
    expect(settings.particles.allowed).toBe('a whole number from 1 to 100,000');
    expect(settings.schedule.allowed).toBe(
      'one of cond_ot, sqrt, polynomial, cosine, linear_vp, vp',
    );
    expect(describeProblem({ field: 'steps', value: '', allowed: 'a whole number' })).toBe(
      'Training steps: must be a whole number, not nothing.',
    );
  });
});

describe('attributes', () => {
  const elementWith = (attributes: Record<string, string>) => ({
    getAttribute: (name: string) => attributes[name] ?? null,
  });

  it('carry every state', () => {
    const random = randomNumbers(2);
    for (let i = 0; i < 100; i++) {
      const state = withFittingSolver(randomState(random));
      const attributes = Object.fromEntries(
        keys.map((key) => [settings[key].name, writeValue(key, state[key])]),
      );
      expect(readAttributes(elementWith(attributes))).toEqual({ state, problems: [] });
    }
  });

  it('start from a preset, and leave other attributes alone', () => {
    const element = elementWith({ preset: 'blog', train: '', class: 'wide', steps: '10' });
    expect(readAttributes(element)).toEqual({
      state: { ...presets.blog, train: true, steps: 10 },
      problems: [],
    });
    expect(attributeNames).toContain('preset');
    expect(attributeNames).toContain('solver-steps');
  });
});

describe('presets', () => {
  it('keep the view as the reader had it', () => {
    const mine = { ...defaultState, t: 0.5, showArrows: true, seed: 9 };
    const state = applyPreset('blog', mine);
    expect(state).toEqual({ ...presets.blog, t: 0.5, showArrows: true });
    expect(changedKeys(state, presets.blog)).toEqual(['t', 'showArrows']);
  });

  it('lose nothing that the reader has drawn', () => {
    const mine: State = {
      ...defaultState,
      dataSet: 'points',
      points: '1_2',
      mixture: '1_0_0_1_1_0',
    };
    expect(applyPreset('quick', mine)).toEqual({ ...mine, dataSet: 'ring' });
  });
});

describe('tables', () => {
  const read = (key: 'parameters' | 'mixture' | 'points', text: string) => {
    const reading = readValue(key, text);
    return reading.ok ? reading.value : undefined;
  };

  it('are read as people write them, and written in one way', () => {
    expect(read('points', ' 1,2; -0.5,1e-3\n3_4 ')).toBe('1_2 -0.5_1e-3 3_4');
    expect(read('parameters', 'noise,0.1 count,6')).toBe('noise_0.1 count_6');
    expect(read('parameters', '')).toBe('');
    expect(pairsIn('noise_0.1 count_6')).toEqual({ noise: 0.1, count: 6 });
    expect(pairsIn('')).toEqual({});
    expect(rowsIn('1_2 -0.5_1e-3')).toEqual([
      [1, 2],
      [-0.5, 0.001],
    ]);
    expect(rowsIn('')).toEqual([]);
  });

  it.each([
    ['points', ''],
    ['points', '1'],
    ['points', '1_2 3'],
    ['points', '1_2 3_4_0'],
    ['points', '1_2_0_5'],
    ['points', '1_x'],
    ['points', '1_NaN'],
    ['points', '0x1_2'],
    ['points', '1__2'],
    ['mixture', '1_0_0_1_1'],
    ['mixture', ''],
    ['parameters', 'noise'],
    ['parameters', '1_2'],
    ['parameters', 'noise_loud'],
  ] as const)('refuse in %s what is no table of theirs: %j', (key, text) => {
    expect(read(key, text)).toBeUndefined();
  });

  it('have a longest', () => {
    const rows = (count: number) => Array.from({ length: count }, () => '1_2').join(' ');
    expect(read('points', rows(maxPoints))).toBe(rows(maxPoints));
    expect(read('points', rows(maxPoints + 1))).toBeUndefined();
    const component = '1_0_0_1_1_0';
    expect(read('mixture', `${`${component} `.repeat(64)}${component}`)).toBeUndefined();
  });

  it('take a character of an address for one of theirs', () => {
    const points = '1.25_-0.5_0 2_3_1';
    const state: State = { ...defaultState, dataSet: 'points', points };
    expect(writeLink(state)).toBe('v=1&data-set=points&points=1.25_-0.5_0+2_3_1');
  });

  it('that are too long for an address are not in it, and whoever opens it is told', () => {
    const rows = Array.from({ length: 500 }, (_, i) => `${String(i / 1000)}_-1.234`);
    const some: State = { ...defaultState, dataSet: 'points', points: rows.join(' ') };
    expect(fitsLink(some)).toBe(true);
    expect(readLink(`?${writeLink(some)}`).state).toEqual(some);
    const many: State = { ...some, points: [...rows, ...rows].join(' ') };
    expect(fitsLink(many)).toBe(false);
    const link = writeLink(many);
    expect(link.length).toBeLessThan(100);
    const { state, problems } = readLink(`?${link}`);
    expect(state.points).toBe(defaultState.points);
    expect(problems.map(({ field }) => field)).toEqual(['points']);
  });
});

describe('data', () => {
  const data = (change: Partial<State>) => dataOf({ ...defaultState, ...change });

  it('is a ring, whatever the others would be', () => {
    expect(data({ points: '9_9' })).toEqual({ components: 11, radius: 10, standardDeviation: 1 });
  });

  it('is a set with what the reader has changed of it', () => {
    expect(data({ dataSet: 'rings' })).toEqual({ dataSet: 'rings' });
    const changed = { dataSet: 'rings', parameters: 'count_3 shiftX_-1' } as const;
    expect(data(changed)).toEqual({ dataSet: 'rings', count: 3, shiftX: -1 });
    expect(classCount({ ...defaultState, ...changed })).toBe(3);
    const board = { dataSet: 'checkerboard', parameters: 'count_3' } as const;
    expect(classCount({ ...defaultState, ...board })).toBe(5);
  });

  it('is a mixture with its covariances', () => {
    const mixture = '1_2_3_2_0.5_0.5 3_0_0_1_1_0';
    expect(data({ dataSet: 'mixture', mixture })).toEqual({
      weights: [1, 3],
      means: [
        [2, 3],
        [0, 0],
      ],
      covariances: [
        [
          [4, 0.5],
          [0.5, 0.25],
        ],
        [
          [1, 0],
          [0, 1],
        ],
      ],
    });
    expect(classCount({ ...defaultState, dataSet: 'mixture', mixture })).toBe(2);
  });

  it('is points with or without classes, the same object for the same points', () => {
    const points = { dataSet: 'points', points: '1_2_0 3_4_2', smoothing: 0 } as const;
    expect(data(points)).toEqual({
      points: Float32Array.of(1, 2, 3, 4),
      labels: Int32Array.of(0, 2),
      smoothing: 0,
    });
    expect(data(points)).toBe(data(points));
    expect(classCount({ ...defaultState, ...points })).toBe(3);
    const plain = { ...points, points: '1_2' } as const;
    expect(data(plain)).toEqual({ points: Float32Array.of(1, 2), smoothing: 0 });
    const state: State = { ...defaultState, ...plain, labels: true };
    expect(experimentConfigOf(state).labels).toBe(false);
    expect(experimentConfigOf({ ...state, points: '1_2_0' }).labels).toBe(true);
  });
});

describe('the source', () => {
  const source = (change: Partial<State>) =>
    experimentConfigOf({ ...defaultState, ...change }).source;

  it('is noise, or any data but a ring, with settings of its own', () => {
    expect(source({})).toBeNull();
    expect(source({ dataSet: 'moons', parameters: 'noise_0.3' })).toBeNull();
    expect(source({ source: 'moons', parameters: 'noise_0.3' })).toEqual({ dataSet: 'moons' });
    const changed = { source: 'moons', sourceParameters: 'noise_0.1' } as const;
    expect(source(changed)).toEqual({ dataSet: 'moons', noise: 0.1 });
    const points: Partial<State> = { source: 'points', sourcePoints: '1_2', sourceSmoothing: 0.5 };
    expect(source(points)).toEqual({ points: Float32Array.of(1, 2), smoothing: 0.5 });
    // Beside points of the target both stay the same objects.
    const both: Partial<State> = { ...points, dataSet: 'points' };
    const first = experimentConfigOf({ ...defaultState, ...both });
    const second = experimentConfigOf({ ...defaultState, ...both });
    expect(second.data).toBe(first.data);
    expect(second.source).toBe(first.source);
  });
});

describe('configurations', () => {
  it('are the blog’s own for its preset', () => {
    expect(experimentConfigOf(presets.blog)).toEqual({
      data: { components: 11, radius: 10, standardDeviation: 1 },
      source: null,
      method: null,
      schedule: { schedule: 'sqrt', exponent: 2, betaMin: 0.1, betaMax: 20 },
      prediction: 'velocity',
      timeLaw: {
        law: 'uniform',
        logitMean: 0,
        logitScale: 1,
        logNoiseMean: -1.2,
        logNoiseScale: 1.2,
        fixedTime: 0,
      },
      lossWeighting: { weighting: 'constant', gamma: 5 },
      coupling: { coupling: 'independent', labelAware: false, regularisation: 0.05 },
      couplingBatches: 1,
      hidden: [1024, 16],
      activation: 'silu',
      timeFeatures: { kind: 'plain', count: 32, scale: 1, seed: 0 },
      labels: false,
      labelDropout: 0.1,
      batchSize: 1000,
      learningRate: 1e-3,
      learningRateDecay: 'constant',
      warmupSteps: 0,
      weightDecay: 0,
      gradientClip: 0,
      emaDecay: 0,
      steps: 5000,
      seed: 1,
      stop: null,
    });
    expect(samplerConfigOf(presets.blog, 'exact')).toEqual({
      field: 'exact',
      options: {
        guidance: { label: -1, scale: 0 },
        schedule: { schedule: '', exponent: 2, betaMin: 0.1, betaMax: 20 },
      },
      solver: 'euler',
      steps: 299,
      tolerance: 1e-5,
      diffusion: 1,
      particles: 1000,
      seed: 1,
    });
  });

  it('find the setting that a problem of the engine is about', () => {
    const key = (field: string) => keyOfProblem({ field, value: '', allowed: '' });
    expect(key('data.radius')).toBe('radius');
    expect(key('hidden[2]')).toBe('hidden');
    expect(key('steps')).toBe('steps');
    expect(key('sampler.steps')).toBe('solverSteps');
    expect(key('sampler.seed')).toBe('noiseSeed');
    expect(key('schedule.schedule')).toBe('schedule');
    expect(key('schedule.betaMin')).toBe('betaMin');
    expect(key('timeLaw.law')).toBe('timeLaw');
    expect(key('lossWeighting.weighting')).toBe('lossWeighting');
    expect(key('coupling.sinkhorn.regularisation')).toBe('regularisation');
    expect(key('adam.weightDecay')).toBe('weightDecay');
    expect(key('timeFeatures.kind')).toBe('timeFeatures');
    expect(key('labels')).toBe('labels');
    expect(key('sampler.options.guidance.label')).toBe('label');
    expect(key('sampler.options.guidance.scale')).toBe('guidance');
    expect(key('sampler.options.schedule.betaMax')).toBe('samplingBetaMax');
    expect(key('data.parameters.radius')).toBe('parameters');
    expect(key('data.parameters.dataSet')).toBe('parameters');
    expect(key('data.weights')).toBe('mixture');
    expect(key('data.means[1][0]')).toBe('mixture');
    expect(key('data.covariances[2]')).toBe('mixture');
    expect(key('data.points[7]')).toBe('points');
    expect(key('data.labels')).toBe('points');
    expect(key('data.smoothing')).toBe('smoothing');
    expect(key('source.parameters.radius')).toBe('sourceParameters');
    expect(key('source.means[0]')).toBe('sourceMixture');
    expect(key('source.points[0][1]')).toBe('sourcePoints');
    expect(key('source.smoothing')).toBe('sourceSmoothing');
    expect(key('source')).toBe('source');
    expect(key('timeFeatures.seed')).toBe('timeFeatureSeed');
    expect(key('timeLaw.fixedTime')).toBe('fixedTime');
    expect(key('stop.metric')).toBe('stopMetric');
    expect(key('stop.count')).toBe('stopCount');
    expect(key('grid.columns')).toBeUndefined();
  });

  it('ask for a class only of a conditional model whose data has it', () => {
    const conditional = { ...defaultState, labels: true, label: 10, guidance: 2 };
    expect(experimentConfigOf(conditional).labels).toBe(true);
    expect(guidanceOf(conditional)).toEqual({ label: 10, scale: 2 });
    const all = { label: -1, scale: 0 };
    expect(guidanceOf({ ...conditional, labels: false })).toEqual(all);
    expect(guidanceOf({ ...conditional, label: -1 })).toEqual(all);
    expect(guidanceOf({ ...conditional, components: 10 })).toEqual(all);
    const unlabelled: State = { ...conditional, dataSet: 's_curve' };
    expect(guidanceOf(unlabelled)).toEqual(all);
    expect(experimentConfigOf(unlabelled).labels).toBe(false);
    const paired: State = { ...conditional, coupling: 'ot' };
    expect(experimentConfigOf(paired).coupling.labelAware).toBe(true);
    expect(experimentConfigOf({ ...paired, labels: false }).coupling.labelAware).toBe(false);
  });

  it('of another method have its settings, and of flow matching what is so by default', () => {
    const state: State = {
      ...defaultState,
      prediction: 'noise',
      coupling: 'ot',
      labels: true,
      source: 'moons',
      timeLaw: 'logit_normal',
      samplingSchedule: 'vp',
    };
    const { method, ...matched } = experimentConfigOf(state);
    expect(method).toBeNull();
    expect(matched.prediction).toBe('noise');
    const cnf = experimentConfigOf({ ...state, method: 'cnf', cnfSteps: 3 });
    expect(cnf.method).toEqual({ cnfSolver: 'rk4', cnfSteps: 3 });
    expect(cnf).toEqual({ ...experimentConfigOf(defaultState), method: cnf.method });
    const flow: State = { ...state, method: 'normalizing_flow' };
    expect(experimentConfigOf(flow).method).toEqual({ couplingLayers: 8, maxLogScale: 2 });
    expect(samplerConfigOf(state, 'learned').options.schedule.schedule).toBe('vp');
    expect(samplerConfigOf(flow, 'learned').options.schedule.schedule).toBe('');
  });

  it('know how many classes each set has', () => {
    const counts = settings.dataSet.choices.map((dataSet) =>
      classCount({ ...defaultState, dataSet }),
    );
    expect(counts).toEqual([11, 8, 2, 2, 0, 8, 0, 5, 4, 2, 3, 0]);
  });

  it('show a setting only where it means something', () => {
    const shown = (change: Partial<State>) =>
      keys.filter((key) => matters(key, { ...defaultState, ...change }));
    expect(shown({})).toContain('labels');
    expect(shown({})).not.toContain('labelDropout');
    expect(shown({})).not.toContain('label');
    expect(shown({ labels: true })).toEqual(expect.arrayContaining(['labelDropout', 'label']));
    expect(shown({ labels: true })).not.toContain('guidance');
    expect(shown({ labels: true, label: 3 })).toContain('guidance');
    expect(shown({ labels: true, label: 3, dataSet: 's_curve' })).not.toContain('label');
    expect(shown({ timeFeatures: 'fourier' })).toContain('timeFeatureScale');
    // What depends on a setting that means nothing means nothing either.
    const cnf = shown({ method: 'cnf', timeFeatures: 'fourier', coupling: 'ot', labels: true });
    expect(cnf).toEqual(expect.arrayContaining(['cnfSolver', 'cnfSteps', 'schedule', 'solver']));
    for (const key of ['timeFeatureScale', 'couplingBatches', 'label', 'source'] as const) {
      expect(cnf).not.toContain(key);
    }
    expect(cnf).not.toContain('couplingLayers');
    expect(shown({ method: 'normalizing_flow' })).toContain('couplingLayers');
    expect(shown({})).not.toContain('probes');
    expect(shown({ view: 'likelihood' })).toContain('probes');
    // The divergence of its couplings costs nothing.
    expect(shown({ view: 'likelihood', method: 'normalizing_flow' })).not.toContain('probes');
  });
});
