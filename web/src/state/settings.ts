/**
 * The whole state of a figure that a reader can see or change: one table, from which come the link, the
 * attributes of the element, the validation of each control, and the configurations sent to the engine.
 *
 * Not here: what is in flight (a running request, a drawn frame), which can be made again from this.
 */
import {
  choice,
  classOf,
  number,
  table,
  toggle,
  whole,
  widths,
  type NumberSetting,
} from './setting';

/** The sets whose points have classes. */
const labelledSets = [
  'ring',
  'eight_gaussians',
  'moons',
  'moons_torchdyn',
  'checkerboard',
  'pinwheel',
  'rings',
  'spiral',
  'mixture',
  'points',
] as const;

/** The sets that have parameters of their own. */
const literatureSets = [
  'eight_gaussians',
  'moons',
  'moons_torchdyn',
  's_curve',
  'checkerboard',
  'swiss_roll',
  'pinwheel',
  'rings',
  'spiral',
] as const;

const setChoices = {
  eight_gaussians: '8 Gaussians',
  moons: 'moons (scikit-learn)',
  moons_torchdyn: 'moons (torchdyn)',
  s_curve: 'S-curve',
  checkerboard: 'checkerboard',
  swiss_roll: 'Swiss roll',
  pinwheel: 'pinwheel',
  rings: 'rings',
  spiral: 'spiral',
  mixture: 'Gaussians of your own',
  points: 'points of your own',
} as const;

/** Most points of one's own that a page takes. */
export const maxPoints = 20_000;

const scheduleChoices = {
  cond_ot: 'linear: t, 1 − t',
  sqrt: 'square root: t, √(1 − t)',
  polynomial: 'polynomial: tⁿ, 1 − tⁿ',
  cosine: 'trigonometric: sin, cos of πt/2',
  linear_vp: 'linear, variance 1: t, √(1 − t²)',
  vp: 'variance-preserving diffusion (β)',
} as const;

/** By key, the values of another setting with which one means something. */
type When = NonNullable<NumberSetting['when']>;

/** Parameters of a set that are not as the literature has them; which it has is in its form. */
const parametersOf = (name: string, when: When) =>
  table({
    name,
    label: 'Parameters of the set',
    group: 'experiment',
    when,
    default: '',
    allowed: 'names and numbers like noise_0.1, with spaces between them, or nothing',
    columns: [2],
    maxRows: 10,
    named: true,
  });

const mixtureOf = (name: string, when: When) =>
  table({
    name,
    label: 'Gaussians',
    group: 'experiment',
    when,
    default: '1_-3_-2_1.5_0.5_0.6 2_3_-1_0.6_0.6_0 1_0_3_2_0.4_0',
    allowed: 'up to 64 rows like 1_0_0_1_1_0: weight, mean, two deviations and their correlation',
    columns: [6],
    maxRows: 64,
  });

const pointsOf = (name: string, when: When) =>
  table({
    name,
    label: 'Points',
    group: 'experiment',
    when,
    default: '-1.5_1.5 1.5_1.5 -2.5_-0.8 -1.9_-1.7 -1_-2.3 0_-2.5 1_-2.3 1.9_-1.7 2.5_-0.8',
    allowed: 'up to 20,000 rows like 1.5_-0.2, all with a class from 0 behind or none',
    columns: [2, 3],
    maxRows: maxPoints,
  });

const smoothingOf = (name: string, when: When) =>
  number({
    name,
    label: 'Blur of each point',
    group: 'experiment',
    when,
    default: 0.2,
    min: 0,
    max: 1000,
  });

/** One table for all: the key is the name in the program, `name` the one in links and attributes. */
export const settings = {
  dataSet: choice({
    name: 'data-set',
    label: 'Target',
    group: 'experiment',
    default: 'ring',
    choices: { ring: 'Gaussians on a circle', ...setChoices },
  }),
  components: whole({
    name: 'components',
    label: 'Gaussians',
    group: 'experiment',
    when: { dataSet: ['ring'] },
    default: 11,
    min: 1,
    max: 64,
  }),
  radius: number({
    name: 'radius',
    label: 'Radius of their circle',
    group: 'experiment',
    when: { dataSet: ['ring'] },
    default: 10,
    min: 0,
    max: 100,
  }),
  standardDeviation: number({
    name: 'standard-deviation',
    label: 'Standard deviation of each',
    group: 'experiment',
    when: { dataSet: ['ring'] },
    default: 1,
    min: 0.01,
    max: 10,
  }),
  parameters: parametersOf('parameters', { dataSet: literatureSets }),
  mixture: mixtureOf('mixture', { dataSet: ['mixture'] }),
  points: pointsOf('points', { dataSet: ['points'] }),
  smoothing: smoothingOf('smoothing', { dataSet: ['points'] }),
  source: choice({
    name: 'source',
    label: 'Source',
    group: 'experiment',
    default: 'normal',
    choices: { normal: 'Gaussian noise', ...setChoices },
  }),
  sourceParameters: parametersOf('source-parameters', { source: literatureSets }),
  sourceMixture: mixtureOf('source-mixture', { source: ['mixture'] }),
  sourcePoints: pointsOf('source-points', { source: ['points'] }),
  sourceSmoothing: smoothingOf('source-smoothing', { source: ['points'] }),
  schedule: choice({
    name: 'schedule',
    label: 'Schedule: α, σ',
    group: 'experiment',
    default: 'cond_ot',
    choices: scheduleChoices,
  }),
  exponent: number({
    name: 'exponent',
    label: 'Exponent n of the schedule',
    group: 'experiment',
    when: { schedule: ['polynomial'] },
    default: 2,
    min: 1,
    max: 10,
  }),
  betaMin: number({
    name: 'beta-min',
    label: 'Smallest β',
    group: 'experiment',
    when: { schedule: ['vp'] },
    default: 0.1,
    min: 0.001,
    max: 100,
  }),
  betaMax: number({
    name: 'beta-max',
    label: 'Largest β',
    group: 'experiment',
    when: { schedule: ['vp'] },
    default: 20,
    min: 1,
    max: 100,
  }),
  prediction: choice({
    name: 'prediction',
    label: 'The network predicts',
    group: 'experiment',
    default: 'velocity',
    choices: {
      velocity: 'the velocity',
      x1: 'the data X₁',
      noise: 'the noise X₀',
      score: 'the score',
    },
  }),
  timeLaw: choice({
    name: 'time-law',
    label: 'Times of training',
    group: 'experiment',
    default: 'uniform',
    choices: {
      uniform: 'uniform',
      logit_normal: 'logit-normal (SD3)',
      edm_like: 'log-normal noise (EDM)',
      fixed: 'one time',
    },
  }),
  logitMean: number({
    name: 'logit-mean',
    label: 'Mean of the logit',
    group: 'experiment',
    when: { timeLaw: ['logit_normal'] },
    default: 0,
    min: -10,
    max: 10,
  }),
  logitScale: number({
    name: 'logit-scale',
    label: 'Deviation of the logit',
    group: 'experiment',
    when: { timeLaw: ['logit_normal'] },
    default: 1,
    min: 0,
    minExcluded: true,
    max: 10,
  }),
  logNoiseMean: number({
    name: 'log-noise-mean',
    label: 'Mean of the log noise',
    group: 'experiment',
    when: { timeLaw: ['edm_like'] },
    default: -1.2,
    min: -10,
    max: 10,
  }),
  logNoiseScale: number({
    name: 'log-noise-scale',
    label: 'Deviation of the log noise',
    group: 'experiment',
    when: { timeLaw: ['edm_like'] },
    default: 1.2,
    min: 0,
    minExcluded: true,
    max: 10,
  }),
  fixedTime: number({
    name: 'fixed-time',
    label: 'That time',
    group: 'experiment',
    when: { timeLaw: ['fixed'] },
    default: 0,
    min: 0,
    max: 1,
  }),
  lossWeighting: choice({
    name: 'loss-weighting',
    label: 'Weight of the loss',
    group: 'experiment',
    default: 'constant',
    choices: { constant: 'none', velocity: 'as of the velocity', min_snr: 'min-SNR-γ' },
  }),
  gamma: number({
    name: 'gamma',
    label: 'γ, the largest SNR',
    group: 'experiment',
    when: { lossWeighting: ['min_snr'] },
    default: 5,
    min: 0,
    minExcluded: true,
    max: 1000,
  }),
  coupling: choice({
    name: 'coupling',
    label: 'Pairs of noise and data',
    group: 'experiment',
    default: 'independent',
    choices: { independent: 'independent', ot: 'optimal transport', sinkhorn: 'Sinkhorn' },
  }),
  couplingBatches: whole({
    name: 'coupling-batches',
    label: 'Batches paired as one',
    group: 'experiment',
    when: { coupling: ['ot', 'sinkhorn'] },
    unit: 'batches',
    default: 1,
    min: 1,
    max: 64,
  }),
  regularisation: number({
    name: 'regularisation',
    label: 'Regularisation of Sinkhorn',
    group: 'experiment',
    when: { coupling: ['sinkhorn'] },
    default: 0.05,
    min: 0.001,
    max: 100,
  }),
  labelAware: toggle({
    name: 'label-aware',
    label: 'Pair within a class',
    group: 'experiment',
    when: { coupling: ['ot', 'sinkhorn'], labels: [true], dataSet: labelledSets },
    default: true,
  }),
  labels: toggle({
    name: 'labels',
    label: 'Tell the network the class',
    group: 'experiment',
    when: { dataSet: labelledSets },
    default: false,
  }),
  labelDropout: number({
    name: 'label-dropout',
    label: 'Share of points without it',
    group: 'experiment',
    when: { labels: [true], dataSet: labelledSets },
    default: 0.1,
    min: 0,
    max: 1,
  }),
  timeFeatures: choice({
    name: 'time-features',
    label: 'Time as input',
    group: 'experiment',
    default: 'plain',
    choices: { plain: 't itself', sinusoidal: 'sinusoidal features', fourier: 'Fourier features' },
  }),
  timeFeatureCount: number({
    name: 'time-feature-count',
    label: 'Features of t',
    group: 'experiment',
    when: { timeFeatures: ['sinusoidal', 'fourier'] },
    default: 32,
    min: 2,
    max: 1024,
    whole: true,
  }),
  timeFeatureScale: number({
    name: 'time-feature-scale',
    label: 'Factor on their frequencies',
    group: 'experiment',
    when: { timeFeatures: ['sinusoidal', 'fourier'] },
    default: 1,
    min: 0,
    minExcluded: true,
    max: 1000,
  }),
  timeFeatureSeed: whole({
    name: 'time-feature-seed',
    label: 'Seed of their frequencies',
    group: 'experiment',
    when: { timeFeatures: ['fourier'] },
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  hidden: widths({
    // Not `hidden`: as an attribute that would hide the element.
    name: 'hidden-layers',
    label: 'Hidden layers',
    group: 'experiment',
    default: [64, 64, 64],
    maxLayers: 8,
    maxWidth: 4096,
  }),
  activation: choice({
    name: 'activation',
    label: 'Activation',
    group: 'experiment',
    default: 'silu',
    choices: { silu: 'SiLU', tanh: 'tanh', relu: 'ReLU', elu: 'ELU', gelu: 'GELU' },
  }),
  batchSize: whole({
    name: 'batch-size',
    label: 'Batch size',
    group: 'experiment',
    unit: 'points',
    default: 256,
    min: 1,
    max: 65_536,
  }),
  learningRate: number({
    name: 'learning-rate',
    label: 'Learning rate',
    group: 'experiment',
    default: 0.003,
    min: 0,
    minExcluded: true,
    max: 1,
  }),
  learningRateDecay: choice({
    name: 'learning-rate-decay',
    label: 'Learning rate decay',
    group: 'experiment',
    default: 'cosine',
    choices: { constant: 'none', cosine: 'cosine, to zero' },
  }),
  emaDecay: number({
    name: 'ema-decay',
    label: 'Weight averaging (EMA)',
    group: 'experiment',
    default: 0.999,
    min: 0,
    max: 1,
    maxExcluded: true,
  }),
  weightDecay: number({
    name: 'weight-decay',
    label: 'Weight decay (AdamW)',
    group: 'experiment',
    default: 0,
    min: 0,
    max: 1,
  }),
  warmupSteps: whole({
    name: 'warmup-steps',
    label: 'Warm-up of the learning rate',
    group: 'experiment',
    unit: 'steps',
    default: 0,
    min: 0,
    max: 1_000_000,
  }),
  gradientClip: number({
    name: 'gradient-clip',
    label: 'Largest gradient (0: any)',
    group: 'experiment',
    default: 0,
    min: 0,
    max: 1e6,
  }),
  steps: whole({
    name: 'steps',
    label: 'Training steps',
    group: 'experiment',
    unit: 'steps',
    default: 5000,
    min: 1,
    max: 1_000_000,
  }),
  seed: whole({
    name: 'seed',
    label: 'Seed of the training',
    group: 'experiment',
    default: 1,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  stopMetric: choice({
    name: 'stop',
    label: 'Stop early by',
    group: 'experiment',
    default: 'none',
    choices: {
      none: 'nothing',
      loss: 'the training loss',
      energy_distance: 'the energy distance',
      sliced_w2: 'the sliced W₂',
    },
  }),
  stopBelow: number({
    name: 'stop-below',
    label: 'Once it is below (0: never)',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    default: 0,
    min: 0,
    max: 1e12,
  }),
  stopPatience: whole({
    name: 'stop-patience',
    label: 'Or has not fallen for (0: never)',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    unit: 'measurements',
    default: 5,
    min: 0,
    max: 1_000_000,
  }),
  stopEvery: whole({
    name: 'stop-every',
    label: 'Measured every',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    unit: 'steps',
    default: 250,
    min: 1,
    max: 1_000_000,
  }),
  stopCount: whole({
    name: 'stop-count',
    label: 'Points of a measurement',
    group: 'experiment',
    when: { stopMetric: ['energy_distance', 'sliced_w2'] },
    unit: 'points',
    default: 1000,
    min: 2,
    max: 20_000,
  }),

  label: classOf({
    name: 'label',
    label: 'Class',
    group: 'sampler',
    when: { labels: [true], dataSet: labelledSets },
    default: -1,
    maxClasses: 1024,
  }),
  guidance: number({
    name: 'guidance',
    label: 'Guidance w towards it',
    group: 'sampler',
    when: { labels: [true], dataSet: labelledSets },
    unless: { label: [-1] },
    default: 0,
    min: -1000,
    max: 1000,
  }),
  solver: choice({
    name: 'solver',
    label: 'Solver',
    group: 'sampler',
    default: 'midpoint',
    choices: {
      euler: 'Euler',
      midpoint: 'midpoint',
      heun: 'Heun',
      rk4: 'Runge–Kutta 4',
      dopri5: 'Dormand–Prince 5(4)',
      euler_maruyama: 'Euler–Maruyama (SDE)',
      stochastic_heun: 'stochastic Heun (SDE)',
    },
  }),
  solverSteps: whole({
    name: 'solver-steps',
    label: 'Solver steps',
    group: 'sampler',
    when: { solver: ['euler', 'midpoint', 'heun', 'rk4', 'euler_maruyama', 'stochastic_heun'] },
    unit: 'steps',
    default: 50,
    min: 1,
    max: 2000,
  }),
  tolerance: number({
    name: 'tolerance',
    label: 'Tolerance of a step',
    group: 'sampler',
    when: { solver: ['dopri5'] },
    default: 1e-5,
    min: 1e-7,
    max: 1,
  }),
  diffusion: number({
    name: 'diffusion',
    label: 'Diffusion g of the SDE',
    group: 'sampler',
    when: { solver: ['euler_maruyama', 'stochastic_heun'] },
    default: 1,
    min: 0,
    max: 10,
  }),
  samplingSchedule: choice({
    name: 'sampling-schedule',
    label: 'Schedule of the sampling',
    group: 'sampler',
    default: 'trained',
    choices: { trained: 'as trained', ...scheduleChoices },
  }),
  samplingExponent: number({
    name: 'sampling-exponent',
    label: 'Its exponent n',
    group: 'sampler',
    when: { samplingSchedule: ['polynomial'] },
    default: 2,
    min: 1,
    max: 10,
  }),
  samplingBetaMin: number({
    name: 'sampling-beta-min',
    label: 'Its smallest β',
    group: 'sampler',
    when: { samplingSchedule: ['vp'] },
    default: 0.1,
    min: 0.001,
    max: 100,
  }),
  samplingBetaMax: number({
    name: 'sampling-beta-max',
    label: 'Its largest β',
    group: 'sampler',
    when: { samplingSchedule: ['vp'] },
    default: 20,
    min: 1,
    max: 100,
  }),
  particles: whole({
    name: 'particles',
    label: 'Particles',
    group: 'sampler',
    default: 2000,
    min: 1,
    max: 100_000,
  }),
  noiseSeed: whole({
    name: 'noise-seed',
    label: 'Seed of the noise',
    group: 'sampler',
    default: 1,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),

  t: number({ name: 't', label: 'Time t', group: 'view', default: 0, min: 0, max: 1 }),
  playing: toggle({ name: 'playing', label: 'Play', group: 'view', default: true }),
  speed: number({
    name: 'speed',
    label: 'Speed',
    group: 'view',
    unit: '×',
    default: 1,
    min: 0.1,
    max: 4,
  }),
  loop: toggle({ name: 'loop', label: 'Loop', group: 'view', default: true }),
  view: choice({
    name: 'view',
    label: 'View',
    group: 'view',
    default: 'side',
    choices: {
      side: 'side by side',
      difference: 'difference',
      likelihood: 'likelihood',
      exact: 'exact field',
      learned: 'learned field',
    },
  }),
  showParticles: toggle({
    name: 'show-particles',
    label: 'Particles',
    group: 'view',
    default: true,
  }),
  showTrajectories: toggle({
    name: 'show-trajectories',
    label: 'Trajectories',
    group: 'view',
    default: false,
  }),
  showArrows: toggle({ name: 'show-arrows', label: 'Arrows', group: 'view', default: false }),
  showDensity: toggle({ name: 'show-density', label: 'Density', group: 'view', default: true }),
  train: toggle({
    name: 'train',
    label: 'Train on opening',
    group: 'view',
    default: false,
  }),
  /** So that a link shows what its sender saw in the middle of a run. */
  trainUntil: whole({
    name: 'train-until',
    label: 'Pause the training after (0: never)',
    group: 'view',
    unit: 'steps',
    default: 0,
    min: 0,
    max: 1_000_000,
  }),
  background: choice({
    name: 'background',
    label: 'Training when out of sight',
    group: 'view',
    default: 'continue',
    choices: { continue: 'goes on', stop: 'stops' },
  }),
  /** The build of the engine; `auto` takes the fastest that the browser can run. */
  tier: choice({
    name: 'tier',
    label: 'Engine build',
    group: 'view',
    default: 'auto',
    choices: {
      auto: 'fastest available',
      simd: 'SIMD',
      'simd-threads': 'SIMD, threads',
      relaxed: 'relaxed SIMD',
      'relaxed-threads': 'relaxed SIMD, threads',
    },
  }),
} as const;

type Settings = typeof settings;
type Conditions = Pick<NumberSetting, 'when' | 'unless'>;

/** The key of a setting. */
export type Key = keyof Settings;

/** All that is visible of a figure. Never changed in place: a change makes a new one. */
export type State = { readonly [K in Key]: Settings[K]['default'] };

/** All keys, in the order of the table. */
export const keys = Object.keys(settings) as readonly Key[];

/** Makes a state by asking for the value of each key in turn. */
export function assemble(valueOf: (key: Key) => State[Key]): State {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as unknown as State;
}

/** The quick preset: what a figure shows when nothing else is asked for. */
export const defaultState = assemble((key) => settings[key].default);

/** Whether a setting means anything beside the others. */
export function matters(key: Key, state: State): boolean {
  const { when = {}, unless = {} }: Conditions = settings[key];
  const is = ([other, values]: [string, readonly unknown[]]) =>
    values.includes(state[other as Key]);
  return Object.entries(when).every(is) && !Object.entries(unless).some(is);
}

/** The keys of two states whose values differ. */
export function changedKeys(a: State, b: State): Key[] {
  return keys.filter((key) => writeValue(key, a[key]) !== writeValue(key, b[key]));
}

/** The text of a value, as it stands in a link or an input field. */
export function writeValue<K extends Key>(key: K, value: State[K]): string {
  const setting = settings[key] as unknown as { write(value: State[K]): string };
  return setting.write(value);
}
