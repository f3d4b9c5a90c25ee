/**
 * The page's side of the engine: one worker for all figures of a page, promises instead of messages.
 *
 *     const engine = Engine.shared();
 *     const experiment = await engine.createExperiment(config);
 *     await experiment.train(1000, { onProgress: ({ losses }) => … });
 *     const clip = await experiment.flow(sampler, 100);
 *     experiment.dispose();
 *
 * Every promise rejects with an EngineError. When the worker crashes, everything that waits is rejected
 * with the code `crashed`, the engine dispatches `crash`, and its experiments are gone; `restart()` brings
 * a new worker, the engine dispatches `restart`, and each figure makes its experiment again.
 *
 * Not here: how a worker is started (launch.ts), or what it does (worker.ts).
 */
import { EngineError, messageOf } from './errors';
import { launch, type Launch, type Launcher, type WorkerLike } from './launch';
import { plainField } from './protocol';
import type {
  Created,
  DataLikelihood,
  Density,
  Difference,
  ExperimentConfig,
  FieldName,
  FieldOptions,
  FlowClip,
  FromWorker,
  Grid,
  Likelihood,
  LikelihoodConfig,
  Metrics,
  ParsedPoints,
  ReflowConfig,
  ReplyOf,
  Request,
  RequestBody,
  RequestKind,
  RunState,
  SamplerConfig,
  SavedRun,
  Tier,
  TierName,
  TrainProgress,
  Trained,
  Trajectories,
  TrajectoriesConfig,
} from './protocol';

export { EngineError };

export type EngineStatus =
  /** No experiment, no worker. */
  | 'idle'
  /** The worker is fetching and compiling the module; requests wait in it. */
  | 'starting'
  | 'ready'
  /** The worker is gone, or never came: `restart()` tries again. */
  | 'crashed';

/** Dispatched by an engine: `crash` with the reason, `restart`, `ready`. */
export class EngineEvent extends Event {
  constructor(
    type: 'crash' | 'restart' | 'ready',
    readonly error: EngineError | null = null,
  ) {
    super(type);
  }
}

export interface CallOptions {
  /** Aborting it rejects the call with the code `cancelled` at once, and stops its work. */
  signal?: AbortSignal | undefined;
}

export interface FieldCallOptions extends CallOptions {
  /** How the field is looked at; without it the `plainField`. */
  field?: FieldOptions | undefined;
}

export interface TrainOptions extends CallOptions {
  onProgress?: (progress: TrainProgress) => void;
  /** Longest piece of work between two looks at the messages. */
  sliceMilliseconds?: number;
}

export interface ReflowOptions extends CallOptions {
  /** Told how much is done, in [0, 1]. */
  onProgress?: (share: number) => void;
}

export interface FlowOptions extends CallOptions {
  /** Ask for the field's velocities on this grid as well, at each frame's time. */
  arrows?: Grid;
  /** Threads that are left to the page meanwhile, if there are so many; none by default. */
  spareThreads?: number;
}

const defaultTrainSlice = 20;

interface Pending {
  kind: RequestKind;
  resolve: (result: never) => void;
  reject: (error: EngineError) => void;
  onProgress: ((progress: never) => void) | undefined;
  /** Stops listening to the caller's signal. */
  forget: () => void;
}

type RequestOptions = CallOptions & { onProgress?: (progress: never) => void };

export class Engine extends EventTarget {
  static readonly #shared = new Map<TierName | 'auto', Engine>();

  /** The engine of the page, or the one that is held to a certain build. Nothing is started yet. */
  static shared(wanted: TierName | 'auto' = 'auto'): Engine {
    let engine = Engine.#shared.get(wanted);
    if (!engine) {
      engine = new Engine(wanted);
      Engine.#shared.set(wanted, engine);
    }
    return engine;
  }

  readonly #wanted: TierName | 'auto';
  readonly #launch: Launcher;
  #worker: WorkerLike | null = null;
  #status: EngineStatus = 'idle';
  #error: EngineError | null = null;
  #tierName: TierName | null = null;
  #tier: Tier | null = null;
  /** Builds that did not start although the browser seemed able: another is tried. */
  readonly #failedTiers = new Set<TierName>();
  /** Counts starts: an experiment of an earlier one is gone. */
  #generation = 0;
  #nextId = 1;
  #nextExperiment = 1;
  readonly #live = new Set<number>();
  readonly #pending = new Map<number, Pending>();
  /** Requests made before the worker was ready: for the next worker, should it fail to start. */
  #waiting: Request[] = [];
  /** It was told what to run, and takes requests. */
  #started = false;
  #starting: Promise<void> = Promise.resolve();

  /** Use `Engine.shared()`; a test makes its own, with a worker of its own. */
  constructor(wanted: TierName | 'auto' = 'auto', launcher: Launcher = launch) {
    super();
    this.#wanted = wanted;
    this.#launch = launcher;
  }

  get status(): EngineStatus {
    return this.#status;
  }

  /** Why the status is `crashed`. */
  get error(): EngineError | null {
    return this.#error;
  }

  /** The build that runs, once chosen. */
  get tierName(): TierName | null {
    return this.#tierName;
  }

  /** What the build that runs says of itself, once it does. */
  get tier(): Tier | null {
    return this.#tier;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * Starts the worker before the first experiment, because one will be wanted in a moment. Resolves when the
   * worker was told what to run and needs the page no more, or when that failed.
   */
  async warmUp(): Promise<void> {
    if (this.#status === 'idle') this.#start();
    await this.#starting;
  }

  /** Starts the worker if there is none, and makes an untrained experiment in it. */
  createExperiment(config: ExperimentConfig, options: CallOptions = {}): Promise<Experiment> {
    return this.make(config, (experiment) => {
      if (this.#status === 'idle') this.#start();
      const body = { kind: 'create', experiment, config } as const;
      return this.request(body, this.#generation, options);
    });
  }

  /** An experiment whose number `ask` gives to the worker. */
  async make(
    config: ExperimentConfig,
    ask: (number: number) => Promise<Created>,
  ): Promise<Experiment> {
    const number = this.#nextExperiment++;
    this.#live.add(number);
    const asked = ask(number);
    const generation = this.#generation;
    try {
      return new Experiment(this, number, generation, config, await asked);
    } catch (error) {
      this.dispose(number, generation);
      throw error;
    }
  }

  /** After a crash: a new worker. Does nothing when one is running. */
  restart(): void {
    if (this.#status !== 'crashed') return;
    this.#failedTiers.clear();
    this.#start();
    this.dispatchEvent(new EngineEvent('restart'));
  }

  /** Sends a request to the worker of `generation`. Figures use the methods of Experiment instead. */
  request<K extends RequestKind>(
    body: Extract<RequestBody, { kind: K }>,
    generation: number,
    { signal, onProgress }: RequestOptions = {},
  ): Promise<ReplyOf[K]> {
    if (this.#status === 'crashed' || generation !== this.#generation) {
      const error = this.#error ?? new EngineError('crashed', 'The engine was restarted.');
      return Promise.reject(error);
    }
    if (signal?.aborted) return Promise.reject(cancelled());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#pending.delete(id);
        this.#send({ id: this.#nextId++, kind: 'cancel', target: id });
        reject(cancelled());
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const forget = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, { kind: body.kind, resolve, reject, onProgress, forget });
      this.#send({ ...body, id });
    });
  }

  /** Lets an experiment go, and with the last one the worker. */
  dispose(experiment: number, generation: number): void {
    if (generation !== this.#generation || !this.#live.delete(experiment)) return;
    if (this.#status === 'crashed') return;
    if (this.#live.size === 0) this.#close();
    else this.#send({ id: this.#nextId++, kind: 'dispose', experiment });
  }

  #start(): void {
    this.#generation++;
    this.#status = 'starting';
    this.#error = null;
    this.#launchWorker();
  }

  #launchWorker(): void {
    let launched: Launch;
    try {
      launched = this.#launch(this.#wanted, this.#failedTiers);
    } catch (thrown) {
      this.#crash(new EngineError('load_failed', `The engine did not start: ${messageOf(thrown)}`));
      return;
    }
    const { worker, start } = launched;
    this.#worker = worker;
    this.#started = false;
    // Nobody listens to a worker that was given up.
    const current = () => this.#worker === worker;
    const fail = (code: 'load_failed' | 'crashed', message: string) => {
      if (current()) this.#crash(new EngineError(code, message));
    };
    worker.onmessage = ({ data }) => {
      if (current()) this.#receive(data);
    };
    worker.onerror = (event) => {
      // A script that could not be fetched gives an event without a message.
      const message = (event as Partial<ErrorEvent>).message ?? 'its script could not be loaded';
      if (this.#status === 'starting') fail('load_failed', `The engine did not start: ${message}.`);
      else fail('crashed', `The engine stopped: ${message}`);
    };
    worker.onmessageerror = () => {
      fail('crashed', 'The engine sent a message that could not be read.');
    };
    this.#starting = start.then(
      ({ tier, message }) => {
        if (!current()) return;
        this.#tierName = tier;
        this.#started = true;
        worker.postMessage(message);
        for (const request of this.#waiting) this.#post(request);
      },
      (thrown: unknown) => {
        fail('load_failed', messageOf(thrown));
      },
    );
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#status = 'ready';
        this.#tier = message.tier;
        this.#waiting = [];
        this.dispatchEvent(new EngineEvent('ready'));
        return;
      case 'failed':
        if (this.#status === 'starting' && this.#tryAnotherTier()) return;
        this.#crash(EngineError.from(message.error));
        return;
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message.progress as never);
        return;
      case 'error':
        this.#settle(message.id)?.reject(EngineError.from(message.error));
        return;
      case 'result':
        this.#settle(message.id)?.resolve(message.result as never);
        return;
    }
  }

  /** The call that a reply is for; none when it was cancelled in the meantime. */
  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.forget();
    return pending;
  }

  #send(request: Request): void {
    if (this.#status === 'starting') this.#waiting.push(request);
    if (this.#started) this.#post(request);
  }

  #post(request: Request): void {
    try {
      this.#worker?.postMessage(request);
    } catch (thrown) {
      // It holds something that no message can carry, such as a function.
      this.#settle(request.id)?.reject(new EngineError('invalid_config', messageOf(thrown)));
    }
  }

  /**
   * The fastest build may fail where slower ones run: its memory refused, its threads forbidden. The
   * requests that wait are for the next worker as well as they were for this one.
   */
  #tryAnotherTier(): boolean {
    const failed = this.#tierName;
    if (this.#wanted !== 'auto' || failed === null || failed === 'simd') return false;
    this.#failedTiers.add(failed);
    this.#tierName = null;
    this.#worker?.terminate();
    this.#launchWorker();
    return true;
  }

  #crash(error: EngineError): void {
    this.#stopWorker();
    if (this.#live.size === 0) {
      // Only warmed up: whoever makes the first experiment tries again, and is told of a failure.
      this.#status = 'idle';
      return;
    }
    this.#status = 'crashed';
    this.#error = error;
    this.#live.clear();
    this.#rejectAll(error);
    this.dispatchEvent(new EngineEvent('crash', error));
  }

  #close(): void {
    this.#stopWorker();
    this.#status = 'idle';
    // What the worker of that number would have said is not awaited any more.
    this.#generation++;
    this.#rejectAll(cancelled());
  }

  #stopWorker(): void {
    this.#started = false;
    this.#worker?.terminate();
    this.#worker = null;
    this.#tier = null;
    this.#tierName = null;
    this.#waiting = [];
  }

  #rejectAll(error: EngineError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, forget } of pending) {
      forget();
      reject(error);
    }
  }
}

/** A handle to one experiment in the worker. After `dispose` or a crash, its calls reject. */
export class Experiment {
  readonly #engine: Engine;
  readonly #number: number;
  readonly #generation: number;
  #config: ExperimentConfig;
  #created: Created;
  #disposed = false;

  constructor(
    engine: Engine,
    number: number,
    generation: number,
    config: ExperimentConfig,
    created: Created,
  ) {
    this.#engine = engine;
    this.#number = number;
    this.#generation = generation;
    this.#config = config;
    this.#created = created;
  }

  get config(): ExperimentConfig {
    return this.#config;
  }

  /** What the engine said of it when it was made. */
  get created(): Created {
    return this.#created;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** A fresh, untrained experiment in its place. If it is refused, this one goes on as it was. */
  async recreate(config: ExperimentConfig, options: CallOptions = {}): Promise<Created> {
    const created = await this.#request({ kind: 'create', ...this.#name(), config }, options);
    this.#config = config;
    this.#created = created;
    return created;
  }

  /** Trains `steps` more steps; resolves when they are done, the run is, or it was paused. */
  train(steps: number, options: TrainOptions = {}): Promise<Trained> {
    const sliceMilliseconds = options.sliceMilliseconds ?? defaultTrainSlice;
    return this.#request({ kind: 'train', ...this.#name(), steps, sliceMilliseconds }, options);
  }

  /** Stops training after the slice that is running; the call of `train` resolves as `paused`. */
  async pause(): Promise<void> {
    await this.#request({ kind: 'pause', ...this.#name() }, {});
  }

  /** Moves a cloud from t = 0 to t = 1 and keeps `frames` + 1 moments of its way. */
  flow(sampler: SamplerConfig, frames: number, options: FlowOptions = {}): Promise<FlowClip> {
    const { arrows, spareThreads = 0 } = options;
    const body = { kind: 'flow' as const, sampler, frames, spareThreads };
    return this.#request({ ...body, ...this.#name(), ...(arrows ? { arrows } : {}) }, options);
  }

  /** times.length x grid points x 2 velocities. */
  velocity(
    field: FieldName,
    times: number[],
    grid: Grid,
    { field: options = plainField, ...call }: FieldCallOptions = {},
  ): Promise<Float32Array> {
    const body = { kind: 'velocity' as const, field, options, times, grid };
    return this.#request({ ...body, ...this.#name() }, call);
  }

  /** times.length x grid points of log p_t, of the exact field. */
  logDensity(
    times: number[],
    grid: Grid,
    { field: options = plainField, ...call }: FieldCallOptions = {},
  ): Promise<Float32Array> {
    return this.#request({ kind: 'logDensity', ...this.#name(), options, times, grid }, call);
  }

  /** The CFM loss (mean over batch and coordinates) that no network can go below. */
  irreducibleLoss(options: CallOptions = {}): Promise<number | null> {
    return this.#request({ kind: 'irreducibleLoss', ...this.#name() }, options);
  }

  /** How far the learned field is from the exact one at time t. */
  difference(
    t: number,
    grid: Grid,
    { field: options = plainField, ...call }: FieldCallOptions = {},
  ): Promise<Difference> {
    return this.#request({ kind: 'difference', ...this.#name(), options, t, grid }, call);
  }

  /** How far `count` generated samples are from the target, with the floor of each distance. */
  metrics(sampler: SamplerConfig, count: number, options: CallOptions = {}): Promise<Metrics> {
    return this.#request({ kind: 'metrics', ...this.#name(), sampler, count }, options);
  }

  /** log p of each of `points` (x, y pairs) at t = 1, as a field gives it. */
  likelihood(
    likelihood: LikelihoodConfig,
    points: Float32Array,
    options: CallOptions = {},
  ): Promise<Likelihood> {
    return this.#request({ kind: 'likelihood', ...this.#name(), likelihood, points }, options);
  }

  /** The same at each grid point, and the integral over the grid. */
  density(likelihood: LikelihoodConfig, grid: Grid, options: CallOptions = {}): Promise<Density> {
    return this.#request({ kind: 'density', ...this.#name(), likelihood, grid }, options);
  }

  /** How likely a field makes `count` fresh samples of the target. */
  dataLikelihood(
    likelihood: LikelihoodConfig,
    count: number,
    seed: number,
    options: CallOptions = {},
  ): Promise<DataLikelihood> {
    const body = { kind: 'dataLikelihood', ...this.#name(), likelihood, count, seed } as const;
    return this.#request(body, options);
  }

  /** How straight the trajectories are, and how far one Euler step comes. */
  trajectories(trajectories: TrajectoriesConfig, options: CallOptions = {}): Promise<Trajectories> {
    return this.#request({ kind: 'trajectories', ...this.#name(), trajectories }, options);
  }

  /**
   * A fresh experiment beside this one, to be trained on this one's own pairs of noise and data. Each lives on
   * without the other.
   */
  reflow(reflow: ReflowConfig, options: ReflowOptions = {}): Promise<Experiment> {
    return this.#engine.make(this.#config, (as) =>
      this.#request({ kind: 'reflow', ...this.#name(), as, reflow }, options),
    );
  }

  /** All that its training has come to. */
  save(options: CallOptions = {}): Promise<SavedRun> {
    return this.#request({ kind: 'save', ...this.#name() }, options);
  }

  /** A fresh experiment beside this one that goes on from where another one was saved. */
  restore(config: ExperimentConfig, run: RunState, options: CallOptions = {}): Promise<Experiment> {
    return this.#engine.make(config, (as) =>
      this.#request({ kind: 'restore', ...this.#name(), as, config, run }, options),
    );
  }

  /** Reads points from text: see the request of that name. */
  parsePoints(csv: string, labelColumn: number, options: CallOptions = {}): Promise<ParsedPoints> {
    return this.#request({ kind: 'parsePoints', ...this.#name(), csv, labelColumn }, options);
  }

  /** Frees it in the worker. What it was working on is cancelled. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.dispose(this.#number, this.#generation);
  }

  #name(): { experiment: number } {
    return { experiment: this.#number };
  }

  #request<K extends RequestKind>(
    body: Extract<RequestBody, { kind: K }>,
    options: RequestOptions,
  ): Promise<ReplyOf[K]> {
    if (this.#disposed) {
      const message = 'This experiment is disposed of.';
      return Promise.reject(new EngineError('no_such_experiment', message));
    }
    return this.#engine.request<K>(body, this.#generation, options);
  }
}

function cancelled(): EngineError {
  return new EngineError('cancelled', 'Cancelled.');
}
