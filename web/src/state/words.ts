/**
 * What the settings and their choices are called for the reader. Apart from the settings themselves, which a link is
 * read with before anything moves: nobody needs these until there are controls.
 */
import type { ChoiceSetting } from './setting';
import type { Key, settings } from './settings';

interface Words {
  readonly label: string;
}

interface ChoiceWords<T extends string> extends Words {
  /** In the order to show. */
  readonly choices: Readonly<Record<T, string>>;
}

type AllWords = {
  readonly [K in Key]: (typeof settings)[K] extends ChoiceSetting<infer T> ? ChoiceWords<T> : Words;
};

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
};

const scheduleChoices = {
  cond_ot: 'linear: t, 1 − t',
  sqrt: 'square root: t, √(1 − t)',
  polynomial: 'polynomial: tⁿ, 1 − tⁿ',
  cosine: 'trigonometric: sin, cos of πt/2',
  linear_vp: 'linear, variance 1: t, √(1 − t²)',
  vp: 'variance-preserving diffusion (β)',
};

/** By the key of the setting. */
export const words: AllWords = {
  dataSet: { label: 'Target', choices: { ring: 'Gaussians on a circle', ...setChoices } },
  components: { label: 'Gaussians' },
  radius: { label: 'Radius of their circle' },
  standardDeviation: { label: 'Standard deviation of each' },
  parameters: { label: 'Parameters of the set' },
  mixture: { label: 'Gaussians' },
  points: { label: 'Points' },
  smoothing: { label: 'Blur of each point' },
  source: { label: 'Source', choices: { normal: 'Gaussian noise', ...setChoices } },
  sourceParameters: { label: 'Parameters of the set' },
  sourceMixture: { label: 'Gaussians' },
  sourcePoints: { label: 'Points' },
  sourceSmoothing: { label: 'Blur of each point' },
  method: {
    label: 'Method',
    choices: {
      flow_matching: 'flow matching',
      cnf: 'continuous flow (CNF)',
      normalizing_flow: 'normalizing flow',
    },
  },
  cnfSolver: {
    label: 'Likelihood by',
    choices: { euler: 'Euler', midpoint: 'midpoint', heun: 'Heun', rk4: 'Runge–Kutta 4' },
  },
  cnfSteps: { label: 'Steps of the likelihood' },
  couplingLayers: { label: 'Affine couplings' },
  maxLogScale: { label: 'Bound of the log-scale' },
  schedule: { label: 'Schedule: α, σ', choices: scheduleChoices },
  exponent: { label: 'Exponent n of the schedule' },
  betaMin: { label: 'Smallest β' },
  betaMax: { label: 'Largest β' },
  prediction: {
    label: 'The network predicts',
    choices: {
      velocity: 'the velocity',
      x1: 'the data X₁',
      noise: 'the noise X₀',
      score: 'the score',
    },
  },
  timeLaw: {
    label: 'Times of training',
    choices: {
      uniform: 'uniform',
      logit_normal: 'logit-normal (SD3)',
      edm_like: 'log-normal noise (EDM)',
      fixed: 'one time',
    },
  },
  logitMean: { label: 'Mean of the logit' },
  logitScale: { label: 'Deviation of the logit' },
  logNoiseMean: { label: 'Mean of the log noise' },
  logNoiseScale: { label: 'Deviation of the log noise' },
  fixedTime: { label: 'That time' },
  lossWeighting: {
    label: 'Weight of the loss',
    choices: { constant: 'none', velocity: 'as of the velocity', min_snr: 'min-SNR-γ' },
  },
  gamma: { label: 'γ, the largest SNR' },
  coupling: {
    label: 'Pairs of noise and data',
    choices: { independent: 'independent', ot: 'optimal transport', sinkhorn: 'Sinkhorn' },
  },
  couplingBatches: { label: 'Batches paired as one' },
  regularisation: { label: 'Regularisation of Sinkhorn' },
  labelAware: { label: 'Pair within a class' },
  labels: { label: 'Tell the network the class' },
  labelDropout: { label: 'Share of points without it' },
  timeFeatures: {
    label: 'Time as input',
    choices: { plain: 't itself', sinusoidal: 'sinusoidal features', fourier: 'Fourier features' },
  },
  timeFeatureCount: { label: 'Features of t' },
  timeFeatureScale: { label: 'Factor on their frequencies' },
  timeFeatureSeed: { label: 'Seed of their frequencies' },
  hidden: { label: 'Hidden layers' },
  activation: {
    label: 'Activation',
    choices: { silu: 'SiLU', tanh: 'tanh', relu: 'ReLU', elu: 'ELU', gelu: 'GELU' },
  },
  batchSize: { label: 'Batch size' },
  learningRate: { label: 'Learning rate' },
  learningRateDecay: {
    label: 'Learning rate decay',
    choices: { constant: 'none', cosine: 'cosine, to zero' },
  },
  emaDecay: { label: 'Weight averaging (EMA)' },
  weightDecay: { label: 'Weight decay (AdamW)' },
  warmupSteps: { label: 'Warm-up of the learning rate' },
  gradientClip: { label: 'Largest gradient (0: any)' },
  steps: { label: 'Training steps' },
  seed: { label: 'Seed of the training' },
  stopMetric: {
    label: 'Stop early by',
    choices: {
      none: 'nothing',
      loss: 'the training loss',
      energy_distance: 'the energy distance',
      sliced_w2: 'the sliced W₂',
    },
  },
  stopBelow: { label: 'Once it is below (0: never)' },
  stopPatience: { label: 'Or has not fallen for (0: never)' },
  stopEvery: { label: 'Measured every' },
  stopCount: { label: 'Points of a measurement' },
  label: { label: 'Class' },
  guidance: { label: 'Guidance w towards it' },
  solver: {
    label: 'Solver',
    choices: {
      euler: 'Euler',
      midpoint: 'midpoint',
      heun: 'Heun',
      rk4: 'Runge–Kutta 4',
      dopri5: 'Dormand–Prince 5(4)',
      euler_maruyama: 'Euler–Maruyama (SDE)',
      stochastic_heun: 'stochastic Heun (SDE)',
    },
  },
  solverSteps: { label: 'Solver steps' },
  tolerance: { label: 'Tolerance of a step' },
  diffusion: { label: 'Diffusion g of the SDE' },
  samplingSchedule: {
    label: 'Schedule of the sampling',
    choices: { trained: 'as trained', ...scheduleChoices },
  },
  samplingExponent: { label: 'Its exponent n' },
  samplingBetaMin: { label: 'Its smallest β' },
  samplingBetaMax: { label: 'Its largest β' },
  particles: { label: 'Particles' },
  noiseSeed: { label: 'Seed of the noise' },
  probes: { label: 'Probes of the divergence (0: exact)' },
  t: { label: 'Time t' },
  playing: { label: 'Play' },
  speed: { label: 'Speed' },
  loop: { label: 'Loop' },
  view: {
    label: 'View',
    choices: {
      side: 'Side by side',
      difference: 'Difference',
      likelihood: 'Likelihood',
      exact: 'Exact',
      learned: 'Learned',
    },
  },
  showParticles: { label: 'Particles' },
  showTrajectories: { label: 'Trajectories' },
  showArrows: { label: 'Arrows' },
  showDensity: { label: 'Density' },
  train: { label: 'Train on opening' },
  trainUntil: { label: 'Pause the training after (0: never)' },
  background: {
    label: 'Training when out of sight',
    choices: { continue: 'goes on', stop: 'stops' },
  },
  tier: {
    label: 'Engine build',
    choices: {
      auto: 'fastest available',
      simd: 'SIMD',
      'simd-threads': 'SIMD, threads',
      relaxed: 'relaxed SIMD',
      'relaxed-threads': 'relaxed SIMD, threads',
    },
  },
};
