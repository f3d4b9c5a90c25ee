/**
 * The messages between a page and the engine worker: the only thing that both sides know of each other.
 *
 * The page sends a `Request`; the worker answers it with exactly one `Reply` that carries the same
 * `id`, and may send `Progress` messages for it before. One worker serves every figure of a page: an
 * `experiment` (a number chosen by the page, never used twice) names whose work a message is about.
 * Bulk results are Float32Arrays whose buffers are transferred, row-major, two coordinates a point.
 *
 * Not here: how a request is scheduled (worker.ts), or how a reply finds its caller (client.ts).
 */

/** Most frames of a flow; it has one moment more. */
export const maxFrames = 1000;
/** Most threads of an engine. */
export const maxThreads = 64;
/** Most numbers in one result: 32 MB of them. */
export const maxResultNumbers = 8 * 2 ** 20;

/** The points whose smoothed mixture stands for the target where its exact field is not known in closed form. */
export const smoothedPoints = 512;
/** Of so many given points that are smoothed it is known. */
export const exactPoints = 1024;

/** How strongly each name binds: these are the core's own names, passed through unchanged. */
export type DataSetName =
  | 'eight_gaussians'
  | 'moons'
  | 'moons_torchdyn'
  | 's_curve'
  | 'checkerboard'
  | 'swiss_roll'
  | 'pinwheel'
  | 'rings'
  | 'spiral';
export type ScheduleName = 'cond_ot' | 'sqrt' | 'polynomial' | 'cosine' | 'linear_vp' | 'vp';
export type PredictionName = 'velocity' | 'x1' | 'noise' | 'score';
export type TimeLawName = 'uniform' | 'logit_normal' | 'edm_like' | 'fixed';
export type LossWeightingName = 'constant' | 'velocity' | 'min_snr';
export type CouplingName = 'independent' | 'ot' | 'sinkhorn';
export type TimeFeatureName = 'plain' | 'sinusoidal' | 'fourier';
export type ActivationName = 'silu' | 'tanh' | 'relu' | 'elu' | 'gelu';
export type SolverName =
  'euler' | 'midpoint' | 'heun' | 'rk4' | 'dopri5' | 'euler_maruyama' | 'stochastic_heun';
export type LearningRateDecayName = 'constant' | 'cosine';
export type StopMetricName = 'none' | 'loss' | 'energy_distance' | 'sliced_w2';
/** `exact`: the closed-form marginal field of the mixture, or of `smoothedPoints` where the target is none. `learned`: the network as trained so far. */
export type FieldName = 'exact' | 'learned';

/** Equal Gaussians on a circle, as in the blog's example. */
export interface RingConfig {
  /** Number of Gaussians, 1 to 64. */
  components: number;
  /** Radius of the circle of their means, 0 to 100. */
  radius: number;
  /** Their standard deviation, 0.01 to 10. */
  standardDeviation: number;
}

/** A set of the literature, with those of its parameters that are not as the literature has them. */
export type DataSetConfig = { dataSet: DataSetName } & Readonly<
  Partial<Record<ParameterName, number>>
>;

/** Which of them a set has, and their ranges, is the core's to say: see DataSetParameter. */
export type ParameterName =
  | 'count'
  | 'radius'
  | 'turns'
  | 'radialDeviation'
  | 'tangentialDeviation'
  | 'rate'
  | 'noise'
  | 'scale'
  | 'shiftX'
  | 'shiftY';

/** Any mixture of Gaussians in the plane. */
export interface MixtureConfig {
  /** Positive; scaled to sum to 1. */
  weights: number[];
  means: number[][];
  /** Symmetric and positive definite, row by row. */
  covariances: number[][][];
}

/** Given points, each as likely as any other. */
export interface PointsConfig {
  /** x and y in turns, from -1e6 to 1e6. */
  points: Float32Array;
  /** The class of each, from 0. */
  labels?: Int32Array;
  /** Standard deviation of the Gaussian around each, 1e-4 to 1000; or 0. */
  smoothing: number;
}

/** The target, told apart by the keys that it has. */
export type DataConfig = RingConfig | DataSetConfig | MixtureConfig | PointsConfig;

/** A schedule with the parameters of those that have any. */
export interface ScheduleConfig {
  schedule: ScheduleName;
  /** Of `polynomial`, 1 to 10. */
  exponent: number;
  /** Of `vp`: 0.001 to 100, and 1 to 100, not below the first. */
  betaMin: number;
  betaMax: number;
}

export interface TimeLawConfig {
  law: TimeLawName;
  /** Of `logit_normal`: -10 to 10, and up to 10. */
  logitMean: number;
  logitScale: number;
  /** Of `edm_like`: -10 to 10, and up to 10. */
  logNoiseMean: number;
  logNoiseScale: number;
  /** Of `fixed`, 0 to 1. */
  fixedTime: number;
}

export interface LossWeightingConfig {
  weighting: LossWeightingName;
  /** Of `min_snr`, up to 1000. */
  gamma: number;
}

export interface CouplingConfig {
  coupling: CouplingName;
  /** Whether only noise and data of one class are paired, as a conditional model needs it. */
  labelAware: boolean;
  /** Of `sinkhorn`, in mean squared distances. */
  regularisation: number;
}

/** What the network is given of the time. */
export interface TimeFeatures {
  kind: TimeFeatureName;
  /** Of those that are not `plain`: sines and cosines in all, even, 2 to 1024. */
  count: number;
  /** Multiplies every frequency, up to 1000. */
  scale: number;
  /** Of the frequencies of `fourier`. */
  seed: number;
}

/** When a run ends before its last step. */
export interface StopConfig {
  metric: Exclude<StopMetricName, 'none'>;
  /** Once the metric is below this, 0 to 1e12; 0: never. */
  below: number;
  /** Steps between two measurements. */
  every: number;
  /** After so many measurements without one that is less than all before them; 0: never. */
  patience: number;
  /** Points of a distance, 2 to 20,000. */
  count: number;
}

/** Which class is meant, and how far fields are pushed towards it (classifier-free guidance). */
export interface GuidanceConfig {
  /** A class of a conditional model, from 0; -1: all of the data. */
  label: number;
  /** v = (1 + scale) v(class) - scale v(all), from -1000 to 1000. */
  scale: number;
}

/** How a field is looked at. */
export interface FieldOptions {
  guidance: GuidanceConfig;
  /** The schedule of the field, with an empty name that of the training. */
  schedule: Omit<ScheduleConfig, 'schedule'> & { schedule: ScheduleName | '' };
}

/** All of the data, under the schedule of the training. */
export const plainField: FieldOptions = {
  guidance: { label: -1, scale: 0 },
  schedule: { schedule: '', exponent: 1, betaMin: 0.1, betaMax: 20 },
};

/** How a model is learned that is not learned by flow matching: by maximum likelihood. */
export type MethodConfig =
  /** A continuous normalizing flow, whose likelihood is found by so many steps of a solver of fixed steps. */
  | { cnfSolver: SolverName; cnfSteps: number }
  /** A normalizing flow of 2 to 64 affine couplings; `maxLogScale`: largest log-scale of one, up to 10. */
  | { couplingLayers: number; maxLogScale: number };

/** All that decides a training run: with the same build, the same config gives the same weights. */
export interface ExperimentConfig {
  data: DataConfig;
  /** What X_0 is drawn from; null: N(0, I). */
  source: DataConfig | null;
  /** Null: flow matching. Otherwise all that belongs to flow matching alone is as it is by default. */
  method: MethodConfig | null;
  /** Of another method only that of the exact field. */
  schedule: ScheduleConfig;
  /** What of the path the network predicts. */
  prediction: PredictionName;
  /** Which times it is trained at. */
  timeLaw: TimeLawConfig;
  /** How much the loss of each time counts. */
  lossWeighting: LossWeightingConfig;
  /** How noise and data are paired. */
  coupling: CouplingConfig;
  /** Batches that are paired as one, 1 to 64; together at most 4096 points. */
  couplingBatches: number;
  /** Widths of the hidden layers; may be empty (a linear model). */
  hidden: number[];
  activation: ActivationName;
  timeFeatures: TimeFeatures;
  /** Whether the network is told the class of a point, which the data has to have. */
  labels: boolean;
  /** Share of the points whose class it is not told all the same, 0 to 1. */
  labelDropout: number;
  /** Points a training step. */
  batchSize: number;
  learningRate: number;
  learningRateDecay: LearningRateDecayName;
  /** Steps in which the learning rate rises to its full size. */
  warmupSteps: number;
  /** What a weight loses of itself in a step, in learning rates (AdamW). */
  weightDecay: number;
  /** Largest norm of a gradient; 0: any. */
  gradientClip: number;
  /** Decay a step of the averaged weights that sampling uses; 0: no averaging. */
  emaDecay: number;
  /** Training steps of the whole run. */
  steps: number;
  seed: number;
  /** Null: at its last step. */
  stop: StopConfig | null;
}

/** How a cloud is moved from t = 0 to t = 1. */
export interface SamplerConfig {
  field: FieldName;
  options: FieldOptions;
  solver: SolverName;
  /** Solver steps over [0, 1], equal in length; `dopri5` chooses its own. */
  steps: number;
  /** Of `dopri5`: the error of a step, absolute and relative, 1e-7 to 1. */
  tolerance: number;
  /** Of the SDE's solvers: the constant g, 0 to 10. */
  diffusion: number;
  /** Number of particles. */
  particles: number;
  /** Seed of the starting noise: the same seed is the same cloud, whatever the field. */
  seed: number;
}

/**
 * How the density that a field gives is found, by the change of variables: each point goes back from t = 1 to
 * where it was noise, and sums up the divergence that it passes.
 */
export interface LikelihoodConfig {
  field: FieldName;
  options?: FieldOptions;
  /** One of the ODE's. */
  solver: SolverName;
  /** Solver steps over [0, 1], equal in length; `dopri5` chooses its own. */
  steps: number;
  /** Of `dopri5`: the error of a step, 1e-7 to 1. */
  tolerance: number;
  /** Random vectors of Hutchinson's estimate of a divergence, 0 to 1024; 0: the exact divergence. */
  probes: number;
  /** Of those vectors. */
  seed: number;
}

/** Whose trajectories are looked at; they are those of the ODE, and well solved, whatever moves a cloud. */
export interface TrajectoriesConfig {
  field: FieldName;
  options: FieldOptions;
  /** Trajectories, and samples of one Euler step: 2 to 100,000. */
  count: number;
  /** Of the noise that they start from. */
  seed: number;
}

/** How a new run is made of a trained one: it learns the trained one's own pairs of noise and data. */
export interface ReflowConfig {
  /** Number of pairs, 16 to 200,000. */
  pairs: number;
  seed: number;
  /** Whether it learns the velocity at t = 0 alone, which is all that one Euler step asks for. */
  oneStep: boolean;
}

/** All that a training has come to, which goes on from it as if it had never stopped: one number a weight each. */
export interface TrainerState {
  parameters: Float32Array;
  /** Their average; empty without averaging. */
  ema: Float32Array;
  /** Adam's two moments. */
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  stepsDone: number;
  diverged: boolean;
}

/** What a stopping rule remembers of a run. */
export interface StopMemory {
  /** Of the losses since the last measurement, and how many they are. */
  lossSum: number;
  losses: number;
  /** The last measurement, and the least of all; infinite before the first. */
  last: number;
  best: number;
  /** Measurements since the least one. */
  sinceBest: number;
  reason: 'none' | Stopped['reason'];
}

/** A run as it can be gone on with. */
export interface RunState {
  state: TrainerState;
  /** Null where no rule is to stop it, or where the rule begins anew. */
  stop: StopMemory | null;
}

/** A run, and what else a file says of it. */
export interface SavedRun extends RunState {
  /** Of the features of the time, in turns for a time of 1; none where they are plain. */
  timeFrequencies: number[];
  /** Of the engine. */
  version: string;
}

/** A regular grid of points over a rectangle, row by row from (xMin, yMin); both ends included. */
export interface Grid {
  xMin: number;
  xMax: number;
  yMin: number;
  yMax: number;
  columns: number;
  rows: number;
}

/** One thing wrong with an input: which field, what it was, what it may be. */
export interface Problem {
  field: string;
  value: string;
  allowed: string;
}

/** What a setting is told to be where the part of the engine that it needs could not be fetched: `value` says why. */
export const notFetched = 'one that the part of the engine at hand has';

/** The builds of the engine, by the folder that each is in. */
export type TierName = 'simd' | 'simd-threads' | 'relaxed' | 'relaxed-threads';

export interface Tier {
  /** Instruction set of the module that was loaded. */
  simd: 'simd128' | 'relaxed';
  /** Threads that a training step uses; 1 in the tiers without threads. */
  threads: number;
}

/** Addresses of the JavaScript that Emscripten wrote for a module of the tier, and of its WebAssembly. */
export interface ModuleFiles {
  glue: string;
  wasm: string;
}

/** The first message to a fresh worker: what to run. Requests may follow at once; they wait for it. */
export interface Start {
  kind: 'start';
  /** What is loaded at once, and what is when a request needs more. */
  basic: ModuleFiles;
  whole: ModuleFiles;
  /** Threads to use; 0: as many as the tier has. */
  threads: number;
}

/** Where a request may leave out its options it is about the `plainField`. */
export type RequestBody =
  /** Makes a fresh, untrained experiment; one of the same number is replaced. */
  | { kind: 'create'; experiment: number; config: ExperimentConfig }
  /**
   * Trains until `steps` more are done, the run's last step is done, or a `pause` arrives. Works in
   * slices of at most `sliceMilliseconds`, after each of which messages are read and a `progress` sent.
   */
  | { kind: 'train'; experiment: number; steps: number; sliceMilliseconds: number }
  | { kind: 'pause'; experiment: number }
  /** Moves a cloud; keeps `frames` + 1 equally spaced moments of its way, the start and end among them. */
  | {
      kind: 'flow';
      experiment: number;
      sampler: SamplerConfig;
      frames: number;
      arrows?: Grid;
      /** Threads that are left to the page meanwhile, if there are so many. */
      spareThreads?: number;
    }
  /** The velocity at each grid point, for each of `times`. */
  | {
      kind: 'velocity';
      experiment: number;
      field: FieldName;
      options?: FieldOptions;
      times: number[];
      grid: Grid;
    }
  /** log p_t of the exact marginal at each grid point, for each of `times`. */
  | { kind: 'logDensity'; experiment: number; options?: FieldOptions; times: number[]; grid: Grid }
  /** The loss that no network can go below; by maximum likelihood the entropy of the data, in nats. */
  | { kind: 'irreducibleLoss'; experiment: number }
  /** |learned - exact| at each grid point at time t, and its RMS over X_t ~ p_t. */
  | { kind: 'difference'; experiment: number; options?: FieldOptions; t: number; grid: Grid }
  /** Generated against fresh true samples, `count` of each, and the floor: true against true. */
  | { kind: 'metrics'; experiment: number; sampler: SamplerConfig; count: number }
  /** log p of each of `points` (x, y pairs) at t = 1, as the field gives it. */
  | {
      kind: 'likelihood';
      experiment: number;
      likelihood: LikelihoodConfig;
      points: Float32Array;
    }
  /** The same at each grid point, and the integral over the grid. */
  | { kind: 'density'; experiment: number; likelihood: LikelihoodConfig; grid: Grid }
  /** How likely the field makes `count` fresh samples of the target. */
  | {
      kind: 'dataLikelihood';
      experiment: number;
      likelihood: LikelihoodConfig;
      count: number;
      seed: number;
    }
  /** How straight the field's trajectories are, and how far one Euler step along it comes. */
  | { kind: 'trajectories'; experiment: number; trajectories: TrajectoriesConfig }
  /**
   * Moves noise by the learned field, and makes a fresh, untrained experiment of the number `as`, of the same
   * configuration, to be trained on straight lines between the ends. The experiment itself stays as it is; its
   * training waits meanwhile. The shares of the pairs that are made come as progress.
   */
  | { kind: 'reflow'; experiment: number; as: number; reflow: ReflowConfig }
  /** All that the training of an experiment has come to. */
  | { kind: 'save'; experiment: number }
  /**
   * Makes a fresh experiment of the number `as` that goes on from where another one was saved. The experiment that
   * is named stays as it is.
   */
  | { kind: 'restore'; experiment: number; as: number; config: ExperimentConfig; run: RunState }
  /**
   * Reads points from text, as in core/include/flowmatch/points_csv.h; `labelColumn`: the one that holds
   * their classes, from 0; -1: the one that the header calls so.
   */
  | { kind: 'parsePoints'; experiment: number; csv: string; labelColumn: number }
  /** Stops the work of an earlier request, which is then answered with the error `cancelled`. */
  | { kind: 'cancel'; target: number }
  | { kind: 'dispose'; experiment: number };

export type Request = { id: number } & RequestBody;
export type RequestKind = RequestBody['kind'];

export interface Created {
  tier: Tier;
  /** Number of trainable parameters. */
  parameters: number;
  /** Classes that a cloud can be of; 0: the network is told none. */
  labels: number;
  /** Bytes of WebAssembly memory in use. */
  memoryBytes: number;
  /** Whether it is in the whole engine, where nothing has to be fetched any more. */
  whole: boolean;
  /** Of a reflow, the pairs that it is trained on: all whose end is finite. 0: it is trained on the data. */
  pairs: number;
  /** The largest coordinate of the data, either way; null where the small module made it, of a ring. */
  reach: number | null;
}

export interface TrainProgress {
  /** Steps done since the experiment was made. */
  stepsDone: number;
  stepsTotal: number;
  /** The loss of each step since the last progress message, in order. */
  losses: Float32Array;
  /** Seconds spent in training steps since the last progress message. */
  seconds: number;
}

export interface Trained {
  stepsDone: number;
  reason: 'budget' | 'finished' | 'paused' | 'diverged' | 'stopped';
  /** Where it stopped by its rule. */
  stop?: Stopped;
}

/** Why a run ended before its last step. */
export interface Stopped {
  /** `below`: the metric is. `no_improvement`: it has not fallen for as long as patience lasts. */
  reason: 'below' | 'no_improvement';
  /** The last measurement, and the least of all; null where none was a number. */
  last: number | null;
  best: number | null;
}

export interface FlowClip {
  /** The moments kept, from 0 to 1. */
  times: Float64Array;
  /** times.length x particles x 2. */
  positions: Float32Array;
  /** times.length x grid points x 2 velocities, or null when no grid was asked for. */
  arrows: Float32Array | null;
  /** Evaluations of the field for the whole way. */
  functionEvaluations: number;
  /** The training step whose weights moved the cloud; 0 for the exact field. */
  stepsDone: number;
  /** Seconds of computation. */
  seconds: number;
}

export interface Difference {
  /** |learned - exact|, one number a grid point. */
  magnitude: Float32Array;
  /** Root mean square of |learned - exact| over X_t ~ p_t. */
  rms: number;
  /** Root mean square of |exact| over the same points, for scale. */
  exactRms: number;
  stepsDone: number;
}

export interface Metrics {
  slicedW2: number;
  slicedW2Floor: number;
  energyDistance: number;
  energyDistanceFloor: number;
  /** Share of the samples nearer than 3 standard deviations to their nearest mode, and the truth. */
  /** Null, as is the truth, where the target has no modes; `modeShares` is empty then. */
  withinThree: number | null;
  withinThreeTruth: number | null;
  /** Share of the samples whose nearest mode is k, for each mode. */
  modeShares: Float32Array;
  count: number;
  stepsDone: number;
  seconds: number;
}

export interface Likelihood {
  /** log p of each point, in nats. */
  logDensity: Float32Array;
  /** Evaluations of the field and its divergence for each point, on average. */
  functionEvaluations: number;
  /** The training step whose weights it is of; 0 for the exact field. */
  stepsDone: number;
  /** Seconds of computation. */
  seconds: number;
}

export interface Density extends Likelihood {
  /**
   * Of the density over the grid, each of whose points stands for the cell around it: 1 where the grid has
   * nearly all of it, is fine enough for it, and the solver is too.
   */
  integral: number;
}

export interface DataLikelihood {
  /** In nats a sample, with the standard error of this mean. */
  negativeLogLikelihood: number;
  standardError: number;
  /** The least that it can be: the entropy of the target. Null where that is not known. */
  entropy: number | null;
  /** The divergence of Kullback and Leibler of the field's density from the target's; null where that is not known. */
  divergence: number | null;
  divergenceError: number | null;
  functionEvaluations: number;
  count: number;
  stepsDone: number;
  seconds: number;
}

export interface Trajectories {
  /** E integral |v - (X_1 - X_0)|^2 dt along the trajectories: 0 for straight lines at constant speed. */
  straightness: number;
  /** E integral |v|^2 dt. */
  pathEnergy: number;
  /** The least that a flow of the noise to the same ends needs: their squared W2, of at most 512 points. */
  leastPathEnergy: number;
  /** How far the energy of those points is above it, as a share of it. */
  normalisedPathEnergy: number;
  /** Of one Euler step from t = 0 to 1: the sliced W2 of where it ends from the target. */
  oneStepSlicedW2: number;
  oneStepSlicedW2Floor: number;
  count: number;
  stepsDone: number;
  seconds: number;
}

/** Points as they were read from text. */
export interface ParsedPoints {
  /** As many numbers a point as there are columns. */
  points: Float32Array;
  columns: number;
  /** The class of each point, or none. */
  labels: Int32Array;
}

export interface ReplyOf {
  create: Created;
  train: Trained;
  pause: null;
  flow: FlowClip;
  velocity: Float32Array;
  logDensity: Float32Array;
  /** Null where it is not known: of pairs that are not independent, of data without a known entropy. */
  irreducibleLoss: number | null;
  difference: Difference;
  metrics: Metrics;
  likelihood: Likelihood;
  density: Density;
  dataLikelihood: DataLikelihood;
  trajectories: Trajectories;
  reflow: Created;
  save: SavedRun;
  restore: Created;
  parsePoints: ParsedPoints;
  cancel: null;
  dispose: null;
}

export type ErrorCode =
  /** An input is out of range; `problems` says which. Nothing was changed. */
  | 'invalid_config'
  /** The request names an experiment that was never made or is disposed of. */
  | 'no_such_experiment'
  | 'cancelled'
  /**
   * No tier could be loaded: WebAssembly SIMD is missing, or a file could not be fetched. With a problem: the
   * engine runs, but this request needs more of it than is there, and that could not be fetched.
   */
  | 'load_failed'
  /** The worker stopped on an internal error; all experiments in it are lost. */
  | 'crashed';

export interface ErrorBody {
  code: ErrorCode;
  message: string;
  problems: Problem[];
}

export type Reply =
  | { [K in RequestKind]: { type: 'result'; id: number; kind: K; result: ReplyOf[K] } }[RequestKind]
  | { type: 'error'; id: number; error: ErrorBody }
  | { type: 'progress'; id: number; progress: TrainProgress }
  /** Of a reflow: how much of it is done, in [0, 1]. */
  | { type: 'progress'; id: number; progress: number };

/** What the worker says about itself, unasked. */
export type Notice =
  /** The module runs. */
  | { type: 'ready'; tier: Tier }
  /** It could not start (`load_failed`), or cannot go on (`crashed`). Nothing comes after this. */
  | { type: 'failed'; error: ErrorBody };

export type ToWorker = Start | Request;
export type FromWorker = Reply | Notice;
