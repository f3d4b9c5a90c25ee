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

const setNames = [...literatureSets, 'mixture', 'points'] as const;

/** Most points of one's own that a page takes. */
export const maxPoints = 20_000;

const scheduleNames = ['cond_ot', 'sqrt', 'polynomial', 'cosine', 'linear_vp', 'vp'] as const;

/** By key, the values of another setting with which one means something. */
type When = NonNullable<NumberSetting['when']>;

/** What belongs to flow matching alone. */
const matching: When = { method: ['flow_matching'] };

/** Parameters of a set that are not as the literature has them; which it has is in its form. */
const parametersOf = (name: string, when: When) =>
  table({
    name,
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
    group: 'experiment',
    default: 'ring',
    choices: ['ring', ...setNames],
  }),
  components: whole({
    name: 'components',
    group: 'experiment',
    when: { dataSet: ['ring'] },
    default: 11,
    min: 1,
    max: 64,
  }),
  radius: number({
    name: 'radius',
    group: 'experiment',
    when: { dataSet: ['ring'] },
    default: 10,
    min: 0,
    max: 100,
  }),
  standardDeviation: number({
    name: 'standard-deviation',
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
    group: 'experiment',
    when: matching,
    default: 'normal',
    choices: ['normal', ...setNames],
  }),
  sourceParameters: parametersOf('source-parameters', { source: literatureSets }),
  sourceMixture: mixtureOf('source-mixture', { source: ['mixture'] }),
  sourcePoints: pointsOf('source-points', { source: ['points'] }),
  sourceSmoothing: smoothingOf('source-smoothing', { source: ['points'] }),
  method: choice({
    name: 'method',
    group: 'experiment',
    default: 'flow_matching',
    choices: ['flow_matching', 'cnf', 'normalizing_flow'],
  }),
  cnfSolver: choice({
    name: 'cnf-solver',
    group: 'experiment',
    when: { method: ['cnf'] },
    default: 'rk4',
    choices: ['euler', 'midpoint', 'heun', 'rk4'],
  }),
  cnfSteps: whole({
    name: 'cnf-steps',
    group: 'experiment',
    when: { method: ['cnf'] },
    default: 8,
    min: 1,
    max: 1000,
  }),
  couplingLayers: whole({
    name: 'coupling-layers',
    group: 'experiment',
    when: { method: ['normalizing_flow'] },
    default: 8,
    min: 2,
    max: 64,
  }),
  maxLogScale: number({
    name: 'max-log-scale',
    group: 'experiment',
    when: { method: ['normalizing_flow'] },
    default: 2,
    min: 0,
    minExcluded: true,
    max: 10,
  }),
  schedule: choice({
    name: 'schedule',
    group: 'experiment',
    default: 'cond_ot',
    choices: [...scheduleNames],
  }),
  exponent: number({
    name: 'exponent',
    group: 'experiment',
    when: { schedule: ['polynomial'] },
    default: 2,
    min: 1,
    max: 10,
  }),
  betaMin: number({
    name: 'beta-min',
    group: 'experiment',
    when: { schedule: ['vp'] },
    default: 0.1,
    min: 0.001,
    max: 100,
  }),
  betaMax: number({
    name: 'beta-max',
    group: 'experiment',
    when: { schedule: ['vp'] },
    default: 20,
    min: 1,
    max: 100,
  }),
  prediction: choice({
    name: 'prediction',
    group: 'experiment',
    when: matching,
    default: 'velocity',
    choices: ['velocity', 'x1', 'noise', 'score'],
  }),
  timeLaw: choice({
    name: 'time-law',
    group: 'experiment',
    when: matching,
    default: 'uniform',
    choices: ['uniform', 'logit_normal', 'edm_like', 'fixed'],
  }),
  logitMean: number({
    name: 'logit-mean',
    group: 'experiment',
    when: { timeLaw: ['logit_normal'] },
    default: 0,
    min: -10,
    max: 10,
  }),
  logitScale: number({
    name: 'logit-scale',
    group: 'experiment',
    when: { timeLaw: ['logit_normal'] },
    default: 1,
    min: 0,
    minExcluded: true,
    max: 10,
  }),
  logNoiseMean: number({
    name: 'log-noise-mean',
    group: 'experiment',
    when: { timeLaw: ['edm_like'] },
    default: -1.2,
    min: -10,
    max: 10,
  }),
  logNoiseScale: number({
    name: 'log-noise-scale',
    group: 'experiment',
    when: { timeLaw: ['edm_like'] },
    default: 1.2,
    min: 0,
    minExcluded: true,
    max: 10,
  }),
  fixedTime: number({
    name: 'fixed-time',
    group: 'experiment',
    when: { timeLaw: ['fixed'] },
    default: 0,
    min: 0,
    max: 1,
  }),
  lossWeighting: choice({
    name: 'loss-weighting',
    group: 'experiment',
    when: matching,
    default: 'constant',
    choices: ['constant', 'velocity', 'min_snr'],
  }),
  gamma: number({
    name: 'gamma',
    group: 'experiment',
    when: { lossWeighting: ['min_snr'] },
    default: 5,
    min: 0,
    minExcluded: true,
    max: 1000,
  }),
  coupling: choice({
    name: 'coupling',
    group: 'experiment',
    when: matching,
    default: 'independent',
    choices: ['independent', 'ot', 'sinkhorn'],
  }),
  couplingBatches: whole({
    name: 'coupling-batches',
    group: 'experiment',
    when: { coupling: ['ot', 'sinkhorn'] },
    default: 1,
    min: 1,
    max: 64,
  }),
  regularisation: number({
    name: 'regularisation',
    group: 'experiment',
    when: { coupling: ['sinkhorn'] },
    default: 0.05,
    min: 0.001,
    max: 100,
  }),
  labelAware: toggle({
    name: 'label-aware',
    group: 'experiment',
    when: { coupling: ['ot', 'sinkhorn'], labels: [true] },
    default: true,
  }),
  labels: toggle({
    name: 'labels',
    group: 'experiment',
    when: { dataSet: labelledSets, ...matching },
    default: false,
  }),
  labelDropout: number({
    name: 'label-dropout',
    group: 'experiment',
    when: { labels: [true] },
    default: 0.1,
    min: 0,
    max: 1,
  }),
  timeFeatures: choice({
    name: 'time-features',
    group: 'experiment',
    when: matching,
    default: 'plain',
    choices: ['plain', 'sinusoidal', 'fourier'],
  }),
  timeFeatureCount: number({
    name: 'time-feature-count',
    group: 'experiment',
    when: { timeFeatures: ['sinusoidal', 'fourier'] },
    default: 32,
    min: 2,
    max: 1024,
    whole: true,
  }),
  timeFeatureScale: number({
    name: 'time-feature-scale',
    group: 'experiment',
    when: { timeFeatures: ['sinusoidal', 'fourier'] },
    default: 1,
    min: 0,
    minExcluded: true,
    max: 1000,
  }),
  timeFeatureSeed: whole({
    name: 'time-feature-seed',
    group: 'experiment',
    when: { timeFeatures: ['fourier'] },
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  hidden: widths({
    // Not `hidden`: as an attribute that would hide the element.
    name: 'hidden-layers',
    group: 'experiment',
    default: [64, 64, 64],
    maxLayers: 8,
    maxWidth: 4096,
  }),
  activation: choice({
    name: 'activation',
    group: 'experiment',
    default: 'silu',
    choices: ['silu', 'tanh', 'relu', 'elu', 'gelu'],
  }),
  batchSize: whole({
    name: 'batch-size',
    group: 'experiment',
    default: 256,
    min: 1,
    max: 65_536,
  }),
  learningRate: number({
    name: 'learning-rate',
    group: 'experiment',
    default: 0.003,
    min: 0,
    minExcluded: true,
    max: 1,
  }),
  learningRateDecay: choice({
    name: 'learning-rate-decay',
    group: 'experiment',
    default: 'cosine',
    choices: ['constant', 'cosine'],
  }),
  emaDecay: number({
    name: 'ema-decay',
    group: 'experiment',
    default: 0.999,
    min: 0,
    max: 1,
    maxExcluded: true,
  }),
  weightDecay: number({
    name: 'weight-decay',
    group: 'experiment',
    default: 0,
    min: 0,
    max: 1,
  }),
  warmupSteps: whole({
    name: 'warmup-steps',
    group: 'experiment',
    default: 0,
    min: 0,
    max: 1_000_000,
  }),
  gradientClip: number({
    name: 'gradient-clip',
    group: 'experiment',
    default: 0,
    min: 0,
    max: 1e6,
  }),
  steps: whole({
    name: 'steps',
    group: 'experiment',
    default: 5000,
    min: 1,
    max: 1_000_000,
  }),
  seed: whole({
    name: 'seed',
    group: 'experiment',
    default: 1,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  stopMetric: choice({
    name: 'stop',
    group: 'experiment',
    default: 'none',
    choices: ['none', 'loss', 'energy_distance', 'sliced_w2'],
  }),
  stopBelow: number({
    name: 'stop-below',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    default: 0,
    min: 0,
    max: 1e12,
  }),
  stopPatience: whole({
    name: 'stop-patience',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    default: 5,
    min: 0,
    max: 1_000_000,
  }),
  stopEvery: whole({
    name: 'stop-every',
    group: 'experiment',
    unless: { stopMetric: ['none'] },
    default: 250,
    min: 1,
    max: 1_000_000,
  }),
  stopCount: whole({
    name: 'stop-count',
    group: 'experiment',
    when: { stopMetric: ['energy_distance', 'sliced_w2'] },
    default: 1000,
    min: 2,
    max: 20_000,
  }),

  label: classOf({
    name: 'label',
    group: 'sampler',
    when: { labels: [true] },
    default: -1,
    maxClasses: 1024,
  }),
  guidance: number({
    name: 'guidance',
    group: 'sampler',
    unless: { label: [-1] },
    default: 0,
    min: -1000,
    max: 1000,
  }),
  solver: choice({
    name: 'solver',
    group: 'sampler',
    default: 'midpoint',
    choices: ['euler', 'midpoint', 'heun', 'rk4', 'dopri5', 'euler_maruyama', 'stochastic_heun'],
  }),
  solverSteps: whole({
    name: 'solver-steps',
    group: 'sampler',
    when: { solver: ['euler', 'midpoint', 'heun', 'rk4', 'euler_maruyama', 'stochastic_heun'] },
    default: 50,
    min: 1,
    max: 2000,
  }),
  tolerance: number({
    name: 'tolerance',
    group: 'sampler',
    when: { solver: ['dopri5'] },
    default: 1e-5,
    min: 1e-7,
    max: 1,
  }),
  diffusion: number({
    name: 'diffusion',
    group: 'sampler',
    when: { solver: ['euler_maruyama', 'stochastic_heun'] },
    default: 1,
    min: 0,
    max: 10,
  }),
  samplingSchedule: choice({
    name: 'sampling-schedule',
    group: 'sampler',
    when: matching,
    default: 'trained',
    choices: ['trained', ...scheduleNames],
  }),
  samplingExponent: number({
    name: 'sampling-exponent',
    group: 'sampler',
    when: { samplingSchedule: ['polynomial'] },
    default: 2,
    min: 1,
    max: 10,
  }),
  samplingBetaMin: number({
    name: 'sampling-beta-min',
    group: 'sampler',
    when: { samplingSchedule: ['vp'] },
    default: 0.1,
    min: 0.001,
    max: 100,
  }),
  samplingBetaMax: number({
    name: 'sampling-beta-max',
    group: 'sampler',
    when: { samplingSchedule: ['vp'] },
    default: 20,
    min: 1,
    max: 100,
  }),
  particles: whole({
    name: 'particles',
    group: 'sampler',
    default: 2000,
    min: 1,
    max: 100_000,
  }),
  noiseSeed: whole({
    name: 'noise-seed',
    group: 'sampler',
    default: 1,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  probes: whole({
    name: 'probes',
    group: 'sampler',
    when: { view: ['likelihood'], method: ['flow_matching', 'cnf'] },
    default: 0,
    min: 0,
    max: 1024,
  }),

  t: number({ name: 't', group: 'view', default: 0, min: 0, max: 1 }),
  playing: toggle({ name: 'playing', group: 'view', default: true }),
  speed: number({
    name: 'speed',
    group: 'view',
    default: 1,
    min: 0.1,
    max: 4,
  }),
  loop: toggle({ name: 'loop', group: 'view', default: true }),
  view: choice({
    name: 'view',
    group: 'view',
    default: 'side',
    choices: ['side', 'difference', 'likelihood', 'exact', 'learned'],
  }),
  showParticles: toggle({
    name: 'show-particles',
    group: 'view',
    default: true,
  }),
  showTrajectories: toggle({
    name: 'show-trajectories',
    group: 'view',
    default: false,
  }),
  showArrows: toggle({ name: 'show-arrows', group: 'view', default: false }),
  showDensity: toggle({ name: 'show-density', group: 'view', default: true }),
  train: toggle({
    name: 'train',
    group: 'view',
    default: false,
  }),
  /** So that a link shows what its sender saw in the middle of a run. */
  trainUntil: whole({
    name: 'train-until',
    group: 'view',
    default: 0,
    min: 0,
    max: 1_000_000,
  }),
  background: choice({
    name: 'background',
    group: 'view',
    default: 'continue',
    choices: ['continue', 'stop'],
  }),
  /** The build of the engine; `auto` takes the fastest that the browser can run. */
  tier: choice({
    name: 'tier',
    group: 'view',
    default: 'auto',
    choices: ['auto', 'simd', 'simd-threads', 'relaxed', 'relaxed-threads'],
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

/** Whether a setting means anything beside the others: those that it depends on have to mean something as well. */
export function matters(key: Key, state: State): boolean {
  const { when = {}, unless = {} }: Conditions = settings[key];
  const is = ([other, values]: [string, readonly unknown[]]) =>
    values.includes(state[other as Key]);
  return (
    Object.entries(when).every(is) &&
    !Object.entries(unless).some(is) &&
    Object.keys({ ...when, ...unless }).every((other) => matters(other as Key, state))
  );
}

/** The state with what means nothing as it is by default. */
export const meantBy = (state: State): State =>
  assemble((key) => (matters(key, state) ? state[key] : settings[key].default));

/** The solvers of the SDE: they need the score, which only the fields of flow matching from noise tell. */
export const sdeSolvers: readonly string[] = ['euler_maruyama', 'stochastic_heun'];

export const tellsScore = ({ method, source }: State): boolean =>
  method === 'flow_matching' && source === 'normal';

/** The same state, or where its fields do not tell its solver the score, that with the usual one. */
export const withFittingSolver = (state: State): State =>
  sdeSolvers.includes(state.solver) && !tellsScore(state)
    ? { ...state, solver: defaultState.solver }
    : state;

/** The keys of two states whose values differ. */
export function changedKeys(a: State, b: State): Key[] {
  return keys.filter((key) => writeValue(key, a[key]) !== writeValue(key, b[key]));
}

/** The text of a value, as it stands in a link or an input field. */
export function writeValue<K extends Key>(key: K, value: State[K]): string {
  const setting = settings[key] as unknown as { write(value: State[K]): string };
  return setting.write(value);
}
