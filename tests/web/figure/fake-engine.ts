// An engine that answers at once, for tests of what a figure asks of it and makes of the answers.
import { EngineError, type CallOptions } from '../../../web/src/engine/client';
import type {
  Created,
  DataLikelihood,
  Density,
  ExperimentConfig,
  FlowClip,
  Grid,
  LikelihoodConfig,
  Metrics,
  ParsedPoints,
  SamplerConfig,
  Stopped,
  Trained,
  TrainProgress,
  Trajectories,
  TrajectoriesConfig,
  ReflowConfig,
  RunState,
  SavedRun,
} from '../../../web/src/engine/protocol';
import type { EngineLike, ExperimentLike } from '../../../web/src/figure/session';

/** A request that is answered when the test says so, or cancelled. */
export interface Asked<T> {
  readonly likelihood: LikelihoodConfig;
  /** Columns of the grid, or samples. */
  readonly size: number;
  readonly signal: AbortSignal | undefined;
  readonly answer: (value: Partial<T>) => void;
}

type TrainOptions = Parameters<ExperimentLike['train']>[1];

export class FakeExperiment implements ExperimentLike {
  created: Created = {
    tier: { simd: 'simd128', threads: 1 },
    parameters: 10,
    labels: 0,
    memoryBytes: 1e6,
    whole: false,
    pairs: 0,
    reach: null,
  };
  readonly flows: SamplerConfig[] = [];
  readonly measured: number[] = [];
  /** Requests for likelihoods that wait for the test to answer them. */
  readonly densities: Asked<Density>[] = [];
  readonly likelihoods: Asked<DataLikelihood>[] = [];
  readonly trajectoriesAsked: {
    readonly count: number;
    readonly signal: AbortSignal | undefined;
    readonly answer: (value: Partial<Trajectories>) => void;
  }[] = [];
  /** Requests for new runs: each is answered with the experiment that it was made. */
  readonly reflows: {
    readonly reflow: ReflowConfig;
    readonly signal: AbortSignal | undefined;
    readonly progress: (share: number) => void;
    readonly answer: (experiment: FakeExperiment) => void;
    readonly fail: (error: EngineError) => void;
  }[] = [];
  configs: ExperimentConfig[];
  stepsDone = 0;
  differences: number[] = [];
  disposed = false;
  refuse: EngineError | undefined;
  #training: { options: TrainOptions; end: (trained: Trained) => void } | undefined;

  constructor(config: ExperimentConfig) {
    this.configs = [config];
  }

  recreate(config: ExperimentConfig): Promise<Created> {
    if (this.refuse) return Promise.reject(this.refuse);
    this.configs.push(config);
    this.stepsDone = 0;
    this.created = { ...this.created };
    return Promise.resolve(this.created);
  }

  train(_steps: number, options: TrainOptions): Promise<Trained> {
    return new Promise((resolve, reject) => {
      this.#training = { options, end: resolve };
      options?.signal?.addEventListener('abort', () => {
        reject(new EngineError('cancelled', 'Cancelled.'));
      });
    });
  }

  get training(): boolean {
    return this.#training !== undefined;
  }

  /** Steps that the engine has done since the last progress. */
  progress(losses: number[]): void {
    this.stepsDone += losses.length;
    const progress: TrainProgress = {
      stepsDone: this.stepsDone,
      stepsTotal: this.configs.at(-1)?.steps ?? 0,
      losses: Float32Array.from(losses),
      seconds: 0.1,
    };
    this.#training?.options?.onProgress?.(progress);
  }

  end(reason: Trained['reason'], stop?: Stopped): void {
    this.#training?.end({ stepsDone: this.stepsDone, reason, ...(stop ? { stop } : {}) });
    this.#training = undefined;
  }

  pause(): Promise<void> {
    this.end('paused');
    return Promise.resolve();
  }

  flow(sampler: SamplerConfig): Promise<FlowClip> {
    this.flows.push(sampler);
    return Promise.resolve({
      times: Float64Array.of(0, 1),
      positions: new Float32Array(2 * 2 * sampler.particles),
      arrows: null,
      functionEvaluations: sampler.steps,
      stepsDone: sampler.field === 'learned' ? this.stepsDone : 0,
      seconds: 0.01,
    });
  }

  logDensity(): Promise<Float32Array> {
    return Promise.resolve(new Float32Array(41 * 72 * 72));
  }

  parsePoints(): Promise<ParsedPoints> {
    const points = Float32Array.of(1, 2);
    return Promise.resolve({ points, columns: 2, labels: new Int32Array(0) });
  }

  irreducibleLoss(): Promise<number> {
    return Promise.resolve(9.8);
  }

  difference(t: number) {
    this.differences.push(t);
    return Promise.resolve({
      magnitude: new Float32Array(72 * 72),
      rms: 0.3,
      exactRms: 9,
      stepsDone: this.stepsDone,
    });
  }

  metrics(_sampler: SamplerConfig, count: number): Promise<Metrics> {
    this.measured.push(count);
    return Promise.resolve({
      slicedW2: 0.3,
      slicedW2Floor: 0.2,
      energyDistance: 0.01,
      energyDistanceFloor: 0.002,
      withinThree: 0.97,
      withinThreeTruth: 0.989,
      modeShares: new Float32Array(11).fill(1 / 11),
      count,
      stepsDone: this.stepsDone,
      seconds: 0.01,
    });
  }

  density(
    likelihood: LikelihoodConfig,
    { columns }: Grid,
    { signal }: CallOptions,
  ): Promise<Density> {
    return this.#ask(this.densities, likelihood, columns, signal, {
      logDensity: new Float32Array(columns * columns),
      integral: 1.001,
      functionEvaluations: 4 * likelihood.steps,
      stepsDone: this.stepsDone,
      seconds: 0.2,
    });
  }

  dataLikelihood(
    likelihood: LikelihoodConfig,
    count: number,
    _seed: number,
    { signal }: CallOptions,
  ): Promise<DataLikelihood> {
    return this.#ask(this.likelihoods, likelihood, count, signal, {
      negativeLogLikelihood: 3.95,
      standardError: 0.02,
      entropy: 3.8,
      divergence: 0.1,
      divergenceError: 0.01,
      functionEvaluations: 4 * likelihood.steps,
      count,
      stepsDone: this.stepsDone,
      seconds: 0.2,
    });
  }

  trajectories({ count }: TrajectoriesConfig, { signal }: CallOptions = {}): Promise<Trajectories> {
    const usual: Trajectories = {
      straightness: 12,
      pathEnergy: 110,
      leastPathEnergy: 100,
      normalisedPathEnergy: 0.1,
      oneStepSlicedW2: 4,
      oneStepSlicedW2Floor: 0.2,
      count,
      stepsDone: this.stepsDone,
      seconds: 0.2,
    };
    return new Promise((resolve, reject) => {
      const answer = (value: Partial<Trajectories>) => {
        resolve({ ...usual, ...value });
      };
      this.trajectoriesAsked.push({ count, signal, answer });
      rejectOnAbort(signal, reject);
    });
  }

  reflow(
    reflow: ReflowConfig,
    { signal, onProgress }: NonNullable<Parameters<ExperimentLike['reflow']>[1]> = {},
  ): Promise<ExperimentLike> {
    return new Promise((resolve, reject) => {
      const progress = (share: number) => onProgress?.(share);
      this.reflows.push({ reflow, signal, progress, answer: resolve, fail: reject });
      rejectOnAbort(signal, reject);
    });
  }

  /** All weights are 0. */
  save(): Promise<SavedRun> {
    const numbers = () => new Float32Array(this.created.parameters);
    const config = this.configs.at(-1);
    return Promise.resolve({
      state: {
        parameters: numbers(),
        ema: config && config.emaDecay > 0 ? numbers() : new Float32Array(0),
        firstMoment: numbers(),
        secondMoment: numbers(),
        stepsDone: this.stepsDone,
        diverged: false,
      },
      stop: null,
      timeFrequencies: [],
      version: '1.2.3',
    });
  }

  restore(config: ExperimentConfig, { state }: RunState): Promise<ExperimentLike> {
    if (this.refuse) return Promise.reject(this.refuse);
    const experiment = new FakeExperiment(config);
    experiment.stepsDone = state.stepsDone;
    return Promise.resolve(experiment);
  }

  #ask<T>(
    list: Asked<T>[],
    likelihood: LikelihoodConfig,
    size: number,
    signal: AbortSignal | undefined,
    usual: T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (value: Partial<T>) => {
        resolve({ ...usual, ...value });
      };
      list.push({ likelihood, size, signal, answer });
      signal?.addEventListener('abort', () => {
        reject(new EngineError('cancelled', 'Cancelled.'));
      });
    });
  }

  dispose(): void {
    this.disposed = true;
  }
}

function rejectOnAbort(
  signal: AbortSignal | undefined,
  reject: (error: EngineError) => void,
): void {
  signal?.addEventListener('abort', () => {
    reject(new EngineError('cancelled', 'Cancelled.'));
  });
}

export class FakeEngine extends EventTarget implements EngineLike {
  readonly experiments: FakeExperiment[] = [];
  status: EngineLike['status'] = 'ready';
  error: EngineError | null = null;
  refuse: EngineError | undefined;

  createExperiment(config: ExperimentConfig): Promise<ExperimentLike> {
    if (this.refuse) return Promise.reject(this.refuse);
    const experiment = new FakeExperiment(config);
    this.experiments.push(experiment);
    return Promise.resolve(experiment);
  }

  get last(): FakeExperiment {
    const experiment = this.experiments.at(-1);
    if (!experiment) throw new Error('no experiment was made');
    return experiment;
  }

  crash(): void {
    this.status = 'crashed';
    this.error = new EngineError('crashed', 'The engine stopped.');
    this.dispatchEvent(new Event('crash'));
  }

  restart(): void {
    this.status = 'ready';
    this.dispatchEvent(new Event('restart'));
  }
}
