/**
 * Shares one thread among all requests of a page. A request that takes long is a generator that works for
 * some milliseconds and yields; between two such slices the thread returns to its event loop, where a
 * pause, a cancellation or a new request is read. The running jobs take turns.
 *
 * Not here: Worker globals, clocks and timers (worker.ts brings them), or any numerical work.
 */
import { Checks, checkStepWork } from './checks';
import { EngineError, messageOf } from './errors';
import { gridPoints } from './grid';
import { problemsOf, type EngineModule, type Experiment, type WholeModule } from './module';
import {
  maxFrames,
  maxThreads,
  notFetched,
  plainField,
  type Created,
  type Difference,
  type ErrorBody,
  type ExperimentConfig,
  type FieldName,
  type FieldOptions,
  type FlowClip,
  type FromWorker,
  type Grid,
  type Metrics,
  type Problem,
  type ReplyOf,
  type Request,
  type RequestKind,
  type Stopped,
  type Trained,
} from './protocol';
import type { WholeRequest, wholeWork } from './whole-work';

/** The whole module, and the work that needs it, which comes with it. */
export interface Whole {
  readonly module: WholeModule;
  readonly work: typeof wholeWork;
}

/** What the surroundings provide. */
export interface SchedulerHost {
  /** The small module: what it leaves out it refuses without naming a problem. */
  module: EngineModule;
  /** Loads the whole module; rejects with an EngineError. Asked for only when something needs it. */
  loadWhole(): Promise<Whole>;
  /** Threads to use; 0: all. */
  threads: number;
  /** Milliseconds, from any origin. */
  now(): number;
  /** Calls `tick` once, soon, after the messages that wait have been read. */
  defer(): void;
  post(message: FromWorker, transfer: Transferable[]): void;
}

/** Longest slice of anything but training, whose requests bring their own. */
export const sliceMilliseconds = 12;
const maxSliceMilliseconds = 1000;
/** Points of a grid computed by one call: small enough to look at the clock between two. */
const gridChunk = 1024;
/** Points that the RMS of a difference is estimated from. */
const differencePoints = 4096;

const fieldNames: readonly FieldName[] = ['exact', 'learned'];

export interface Entry {
  /** Read anew in every slice: it may move to the whole module between two. */
  experiment: Experiment;
  readonly config: ExperimentConfig;
  whole: boolean;
  /** Own pairs of another one that it is trained on, if it is. */
  readonly pairs?: number;
}

/** Thrown where the small module was asked for what it leaves out. */
class LeftOut extends Error {}

/**
 * How a job leaves the thread to others. `hold`: the weights must not change before its next slice, so
 * training of the same experiment waits. `share`: anything may run.
 */
export type Yielded = 'hold' | 'share';

export interface Result<K extends RequestKind> {
  readonly value: ReplyOf[K];
  readonly transfer: Transferable[];
}

export type Work<K extends RequestKind> = Generator<Yielded, Result<K>, void>;

type RequestOf<K extends RequestKind> = Extract<Request, { kind: K }>;
type LongRequest = Exclude<Request, { kind: 'cancel' }>;

interface Job {
  readonly request: LongRequest;
  readonly id: number;
  readonly kind: RequestKind;
  readonly experiment: number;
  readonly work: Work<RequestKind>;
  holding: boolean;
}

export class Scheduler {
  readonly #host: SchedulerHost;
  readonly #entries = new Map<number, Entry>();
  /** In the order of their turns: the first is next. */
  #jobs: Job[] = [];
  /** Until the whole module is there. */
  #postponed: LongRequest[] = [];
  #whole: Whole | null = null;
  #loading = false;
  #deferred = false;
  #crashed = false;

  constructor(host: SchedulerHost) {
    this.#host = host;
  }

  /** Jobs that are not answered yet. */
  get running(): number {
    return this.#jobs.length + this.#postponed.length;
  }

  /** Takes a message. Short requests are answered at once, long ones in slices. */
  receive(request: Request): void {
    if (this.#crashed) return;
    try {
      this.#accept(request);
    } catch (thrown) {
      this.#fail(request, thrown);
    }
  }

  /** One slice of the job whose turn it is. */
  tick(): void {
    this.#deferred = false;
    if (this.#crashed) return;
    const job = this.#takeNext();
    if (!job) return;
    try {
      const step = job.work.next();
      if (step.done) {
        this.#answer(job.id, job.kind, step.value);
      } else {
        job.holding = step.value === 'hold';
        this.#jobs.push(job);
      }
    } catch (thrown) {
      this.#fail(job.request, thrown);
    }
    this.#deferTick();
  }

  #accept(request: Request): void {
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the rest is work of the whole module
    switch (request.kind) {
      case 'create':
        this.#create(request);
        return;
      case 'train':
        this.#start(request, this.#train(request));
        return;
      case 'pause':
        this.#entry(request.experiment);
        this.#pause(request.experiment);
        this.#answer(request.id, 'pause', { value: null, transfer: [] });
        return;
      case 'flow':
        this.#start(request, this.#flow(request));
        return;
      case 'velocity':
        this.#start(request, this.#velocity(request));
        return;
      case 'logDensity':
        this.#start(request, this.#logDensity(request));
        return;
      case 'irreducibleLoss':
        this.#start(request, this.#irreducibleLoss(request));
        return;
      case 'difference':
        this.#start(request, this.#difference(request));
        return;
      case 'metrics':
        this.#start(request, this.#metrics(request));
        return;
      case 'cancel':
        this.#cancel(({ id }) => id === request.target);
        this.#answer(request.id, 'cancel', { value: null, transfer: [] });
        return;
      case 'dispose':
        this.#remove(request.experiment);
        this.#answer(request.id, 'dispose', { value: null, transfer: [] });
        return;
      default:
        // It knows all other kinds, and refuses what is none.
        this.#start(request, this.#wholeWork(request));
    }
  }

  // --- Short requests

  #create(request: RequestOf<'create'>): void {
    const module = this.#whole?.module ?? this.#host.module;
    const { experiment, problems } = module.Experiment.create(request.config, this.#host.threads);
    if (!experiment) throw refusal(inData(problemsOf(problems), request.config));
    try {
      checkStepWork(request.config, experiment.parameters());
    } catch (thrown) {
      experiment.delete();
      throw thrown;
    }
    // Only now that the new one exists: a refused request leaves the old one as it was.
    if (this.#entries.has(request.experiment)) this.#remove(request.experiment);
    const whole = this.#whole !== null;
    const entry = { experiment, config: request.config, whole };
    this.#entries.set(request.experiment, entry);
    this.#answer(request.id, 'create', { value: this.#created(entry), transfer: [] });
  }

  #created(entry: Entry): Created {
    const { experiment, whole } = entry;
    return {
      tier: (this.#whole?.module ?? this.#host.module).tier(),
      parameters: experiment.parameters(),
      labels: experiment.labels(),
      memoryBytes: experiment.memoryBytes(),
      whole,
      pairs: entry.pairs ?? 0,
      reach: whole ? (this.#whole?.module.reach(experiment) ?? null) : null,
    };
  }

  #pause(number: number): void {
    const { experiment } = this.#entry(number);
    const paused = this.#takeOut((job) => job.experiment === number && job.kind === 'train');
    for (const job of paused) {
      const value: Trained = { stepsDone: experiment.stepsDone(), reason: 'paused' };
      this.#answer(job.id, 'train', { value, transfer: [] });
    }
  }

  #remove(number: number): void {
    const { experiment } = this.#entry(number);
    this.#cancel((job) => job.experiment === number);
    this.#entries.delete(number);
    experiment.delete();
  }

  #cancel(matches: (request: { id: number; experiment: number }) => boolean): void {
    const cancelled = [...this.#takeOut(matches), ...this.#postponed.filter(matches)];
    this.#postponed = this.#postponed.filter((request) => !matches(request));
    for (const { id } of cancelled) {
      this.#postError(id, { code: 'cancelled', message: 'Cancelled.', problems: [] });
    }
  }

  // --- The whole module

  /** Does the request again when the whole module is there. */
  #postpone(request: LongRequest): void {
    this.#postponed.push(request);
    if (this.#loading) return;
    this.#loading = true;
    const loading = this.#whole ? Promise.resolve(this.#whole) : this.#host.loadWhole();
    loading
      .then((whole) => {
        this.#whole = whole;
        for (const waiting of this.#takePostponed()) this.#resume(waiting);
      })
      .catch((thrown: unknown) => {
        // What was there before goes on; the next request of the kind tries again.
        const message = `This needs a part of the engine that is not here yet. ${messageOf(thrown)}`;
        const problem = { field: 'engine', value: message, allowed: notFetched };
        const error = new EngineError('load_failed', message, [problem]);
        for (const waiting of this.#takePostponed()) this.#fail(waiting, error);
      });
  }

  #takePostponed(): LongRequest[] {
    this.#loading = false;
    return this.#postponed.splice(0);
  }

  #resume(request: LongRequest): void {
    try {
      const entry = this.#entries.get(request.experiment);
      if (entry && request.kind !== 'create') this.#moveToWhole(entry);
    } catch (thrown) {
      this.#fail(request, thrown);
      return;
    }
    this.receive(request);
  }

  /** The experiment goes on where it is, with the same numbers to the bit. */
  #moveToWhole(entry: Entry): void {
    if (entry.whole || !this.#whole) return;
    const { experiment, problems } = this.#whole.module.Experiment.create(
      entry.config,
      this.#host.threads,
    );
    if (!experiment) throw EngineError.refused(problemsOf(problems));
    const refused = problemsOf(experiment.restore(entry.experiment.state()));
    if (refused.length > 0) {
      experiment.delete();
      throw EngineError.refused(refused);
    }
    entry.experiment.delete();
    entry.experiment = experiment;
    entry.whole = true;
  }

  // --- Long requests. Each checks its input before its first slice and frees in `finally` what it made.

  #train(request: RequestOf<'train'>): Work<'train'> {
    const { steps, sliceMilliseconds: slice } = request;
    const checks = new Checks();
    checks.wholeNumber('steps', steps, 1, Number.MAX_SAFE_INTEGER);
    checks.numberBetween('sliceMilliseconds', slice, 1, maxSliceMilliseconds);
    checks.finish();
    const entry = this.#entry(request.experiment);
    const stepsTotal = entry.config.steps;
    const post = this.#host.post.bind(this.#host);
    const stopped = () => this.#stopped(entry);

    function* work(): Work<'train'> {
      let left = steps;
      for (;;) {
        const { experiment } = entry;
        const before = experiment.stepsDone();
        if (experiment.diverged()) return trained('diverged');
        const stop = stopped();
        if (stop) return trained('stopped', stop);
        if (before >= stepsTotal) return trained('finished');
        if (left <= 0) return trained('budget');
        const { losses, seconds } = experiment.train(Math.min(left, stepsTotal - before), slice);
        const stepsDone = experiment.stepsDone();
        left -= stepsDone - before;
        post(
          {
            type: 'progress',
            id: request.id,
            progress: { stepsDone, stepsTotal, losses, seconds },
          },
          [losses.buffer as ArrayBuffer],
        );
        const over = experiment.diverged() || stopped() !== undefined;
        if (left > 0 && stepsDone < stepsTotal && !over) yield 'share';
      }
    }
    function trained(reason: Trained['reason'], stop?: Stopped): Result<'train'> {
      const value = { stepsDone: entry.experiment.stepsDone(), reason, ...(stop ? { stop } : {}) };
      return { value, transfer: [] };
    }
    return work();
  }

  /** Whether the rule of a run has ended it, and why; the small module has no rules. */
  #stopped({ experiment, whole }: Entry): Stopped | undefined {
    const state = whole ? this.#whole?.module.stopState(experiment) : undefined;
    return state && state.reason !== 'none' ? (state as Stopped) : undefined;
  }

  #flow(request: RequestOf<'flow'>): Work<'flow'> {
    const { sampler, frames, arrows: grid, spareThreads = 0 } = request;
    const checks = new Checks();
    checks.oneOf('sampler.field', sampler.field, fieldNames);
    checks.wholeNumber('frames', frames, 1, maxFrames);
    checks.wholeNumber('spareThreads', spareThreads, 0, maxThreads);
    if (grid) {
      checks.grid('arrows', grid);
      checks.resultSize('arrows', sizeOf(grid), (frames + 1) * grid.columns * grid.rows * 2);
    }
    checks.resultSize('sampler.particles', sampler.particles, (frames + 1) * sampler.particles * 2);
    checks.finish();
    const entry = this.#entry(request.experiment);
    const compute = this.#computeGrid.bind(this);
    const clock = this.#stopwatch();

    function* work(): Work<'flow'> {
      clock.start();
      const stepsDone = sampler.field === 'learned' ? entry.experiment.stepsDone() : 0;
      const { flow, problems } = entry.experiment.startFlow(sampler, frames);
      if (!flow) throw refusal(inSampler(problemsOf(problems)));
      try {
        flow.spareThreads(spareThreads);
        const times = flow.times() as Float64Array<ArrayBuffer>;
        // The flow has its own copy of the weights; the arrows come first, and hold them still.
        let arrows: Float32Array<ArrayBuffer> | null = null;
        if (grid) {
          arrows = yield* compute([...times], grid, 2, clock, (t, points) =>
            entry.experiment.velocity(sampler.field, sampler.options, t, points),
          );
        }
        while (!flow.advance(clock.left())) yield* clock.rest('share');
        const positions = flow.positions() as Float32Array<ArrayBuffer>;
        const value: FlowClip = {
          times,
          positions,
          arrows,
          functionEvaluations: flow.functionEvaluations(),
          stepsDone,
          seconds: clock.seconds(),
        };
        const transfer = [times.buffer, positions.buffer, ...(arrows ? [arrows.buffer] : [])];
        return { value, transfer };
      } finally {
        flow.delete();
      }
    }
    return work();
  }

  #velocity(request: RequestOf<'velocity'>): Work<'velocity'> {
    const { field, options = plainField, times, grid } = request;
    const checks = new Checks();
    checks.oneOf('field', field, fieldNames);
    checks.times('times', times);
    checks.grid('grid', grid);
    checks.resultSize('grid', sizeOf(grid), times.length * grid.columns * grid.rows * 2);
    checks.finish();
    const entry = this.#entry(request.experiment);
    checkOptions(options, entry);
    return this.#gridWork<'velocity'>(times, grid, 2, (t, points) =>
      entry.experiment.velocity(field, options, t, points),
    );
  }

  #logDensity(request: RequestOf<'logDensity'>): Work<'logDensity'> {
    const { options = plainField, times, grid } = request;
    const checks = new Checks();
    checks.times('times', times);
    checks.grid('grid', grid);
    checks.resultSize('grid', sizeOf(grid), times.length * grid.columns * grid.rows);
    checks.finish();
    const entry = this.#entry(request.experiment);
    checkOptions(options, entry);
    return this.#gridWork<'logDensity'>(times, grid, 1, (t, points) =>
      entry.experiment.logDensity(options, t, points),
    );
  }

  /** In its turn, although it is one piece of work: what was asked for before is more urgent. */
  #irreducibleLoss(request: RequestOf<'irreducibleLoss'>): Work<'irreducibleLoss'> {
    const entry = this.#entry(request.experiment);
    // eslint-disable-next-line require-yield -- a generator like all other work
    function* work(): Work<'irreducibleLoss'> {
      return { value: entry.experiment.irreducibleLoss(), transfer: [] };
    }
    return work();
  }

  #difference(request: RequestOf<'difference'>): Work<'difference'> {
    const { options = plainField, t, grid } = request;
    const checks = new Checks();
    checks.numberBetween('t', t, 0, 1);
    checks.grid('grid', grid);
    checks.finish();
    const entry = this.#entry(request.experiment);
    checkOptions(options, entry);
    const compute = this.#computeGrid.bind(this);
    const clock = this.#stopwatch();

    function* work(): Work<'difference'> {
      clock.start();
      const stepsDone = entry.experiment.stepsDone();
      const magnitude = yield* compute([t], grid, 1, clock, (time, points) => {
        const learned = entry.experiment.velocity('learned', options, time, points);
        const exact = entry.experiment.velocity('exact', options, time, points);
        return distances(learned, exact);
      });
      yield* clock.rest('hold');
      const { rms, exactRms } = entry.experiment.differenceRms(options, t, differencePoints);
      const value: Difference = { magnitude, rms, exactRms, stepsDone };
      return { value, transfer: [magnitude.buffer] };
    }
    return work();
  }

  #metrics(request: RequestOf<'metrics'>): Work<'metrics'> {
    const { sampler, count } = request;
    const checks = new Checks();
    checks.oneOf('sampler.field', sampler.field, fieldNames);
    checks.finish();
    const entry = this.#entry(request.experiment);
    const clock = this.#stopwatch();

    function* work(): Work<'metrics'> {
      clock.start();
      const stepsDone = sampler.field === 'learned' ? entry.experiment.stepsDone() : 0;
      const { evaluation, problems } = entry.experiment.startEvaluation(sampler, count);
      if (!evaluation) throw refusal(inEvaluation(problemsOf(problems)));
      try {
        while (!evaluation.advance(clock.left())) yield* clock.rest('share');
        const result = evaluation.result();
        const value: Metrics = { ...result, count, stepsDone, seconds: clock.seconds() };
        return { value, transfer: [value.modeShares.buffer as ArrayBuffer] };
      } finally {
        evaluation.delete();
      }
    }
    return work();
  }

  /** What only the whole module does, with the weights as they are when it starts. */
  #wholeWork(request: WholeRequest): Work<RequestKind> {
    const entry = this.#entry(request.experiment);
    const whole = this.#whole;
    const clock = this.#stopwatch();
    const surroundings = {
      entry,
      clock,
      threads: this.#host.threads,
      post: this.#host.post.bind(this.#host),
      has: (experiment: number) => this.#entries.has(experiment),
      keep: (experiment: number, made: Entry): Created => {
        this.#entries.set(experiment, made);
        return this.#created(made);
      },
    };

    function* work(): Work<RequestKind> {
      if (!whole || !entry.whole) throw new LeftOut();
      clock.start();
      return yield* whole.work(request, { ...surroundings, module: whole.module });
    }
    return work();
  }

  /** A request that is nothing but numbers on a grid. */
  #gridWork<K extends 'velocity' | 'logDensity'>(
    times: readonly number[],
    grid: Grid,
    width: number,
    evaluate: (t: number, points: Float32Array) => Float32Array,
  ): Work<K> {
    const compute = this.#computeGrid.bind(this);
    const clock = this.#stopwatch();
    function* work(): Work<K> {
      clock.start();
      const value = yield* compute(times, grid, width, clock, evaluate);
      return { value, transfer: [value.buffer] };
    }
    return work();
  }

  /** times.length x grid points x width numbers, a chunk of points at a time, the weights held still. */
  *#computeGrid(
    times: readonly number[],
    grid: Grid,
    width: number,
    clock: Stopwatch,
    evaluate: (t: number, points: Float32Array) => Float32Array,
  ): Generator<Yielded, Float32Array<ArrayBuffer>, void> {
    const points = gridPoints(grid);
    const result = new Float32Array((times.length * points.length * width) / 2);
    let next = 0;
    for (const t of times) {
      for (let from = 0; from < points.length; from += 2 * gridChunk) {
        if (clock.sliceIsOver()) yield* clock.rest('hold');
        const values = evaluate(t, points.subarray(from, from + 2 * gridChunk));
        result.set(values, next);
        next += values.length;
      }
    }
    return result;
  }

  #stopwatch(): Stopwatch {
    return new Stopwatch(() => this.#host.now());
  }

  // --- Jobs and answers

  #start(request: LongRequest, work: Work<RequestKind>): void {
    const { id, kind, experiment } = request;
    this.#jobs.push({ request, id, kind, experiment, work, holding: false });
    this.#deferTick();
  }

  #deferTick(): void {
    if (this.#deferred || this.#jobs.length === 0) return;
    this.#deferred = true;
    this.#host.defer();
  }

  /** The next job that may run: training waits while another job holds the weights of its experiment. */
  #takeNext(): Job | undefined {
    const index = this.#jobs.findIndex(
      (job) =>
        job.kind !== 'train' ||
        !this.#jobs.some((other) => other.holding && other.experiment === job.experiment),
    );
    return index < 0 ? undefined : this.#jobs.splice(index, 1)[0];
  }

  /** Removes jobs from the rotation and lets each free what it holds. */
  #takeOut(matches: (job: Job) => boolean): Job[] {
    const out = this.#jobs.filter(matches);
    this.#jobs = this.#jobs.filter((job) => !out.includes(job));
    for (const job of out) job.work.return({ value: null, transfer: [] });
    return out;
  }

  #entry(number: number): Entry {
    const entry = this.#entries.get(number);
    if (entry) return entry;
    throw new EngineError('no_such_experiment', `There is no experiment ${String(number)}.`);
  }

  #answer<K extends RequestKind>(id: number, kind: K, { value, transfer }: Result<K>): void {
    const reply = { type: 'result', id, kind, result: value } as FromWorker;
    this.#host.post(reply, transfer);
  }

  #fail(request: Request, thrown: unknown): void {
    const { id } = request;
    if (thrown instanceof LeftOut && request.kind !== 'cancel') {
      this.#postpone(request);
    } else if (thrown instanceof EngineError) {
      this.#postError(id, thrown.toBody());
    } else if (isRefusalOfBinding(thrown)) {
      this.#postError(id, {
        code: 'invalid_config',
        message: messageOf(thrown),
        problems: [{ field: 'request', value: 'malformed', allowed: messageOf(thrown) }],
      });
    } else {
      // A trap leaves the module's memory in an unknown state: nothing of it may be used again.
      this.#crashed = true;
      this.#jobs = [];
      this.#postponed = [];
      const message = `The engine stopped on an internal error: ${messageOf(thrown)}`;
      this.#host.post({ type: 'failed', error: { code: 'crashed', message, problems: [] } }, []);
    }
  }

  #postError(id: number, error: ErrorBody): void {
    this.#host.post({ type: 'error', id, error }, []);
  }
}

/** Measures the slices of a job, without the time in which others ran. */
export class Stopwatch {
  #sliceStart = 0;
  #milliseconds = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  start(): void {
    this.#sliceStart = this.#now();
  }

  /** Milliseconds left of the slice, but enough to get on with something. */
  left(): number {
    return Math.max(1, this.#sliceStart + sliceMilliseconds - this.#now());
  }

  sliceIsOver(): boolean {
    return this.#now() - this.#sliceStart >= sliceMilliseconds;
  }

  /** Ends a slice, and begins the next when the job's turn comes again. */
  *rest(how: Yielded): Generator<Yielded, void, void> {
    this.#milliseconds += this.#now() - this.#sliceStart;
    yield how;
    this.#sliceStart = this.#now();
  }

  /** Seconds of work so far. */
  seconds(): number {
    return (this.#milliseconds + this.#now() - this.#sliceStart) / 1000;
  }
}

/** Why a module gave nothing: what is wrong, or that it is the small one. */
function refusal(problems: readonly Problem[]): Error {
  return problems.length > 0 ? EngineError.refused(problems) : new LeftOut();
}

const sizeOf = ({ columns, rows }: Grid) => `${String(columns)} x ${String(rows)}`;

/** |a - b| of each point. */
function distances(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length / 2);
  for (let i = 0; i < result.length; i++) {
    const x = (a[2 * i] ?? NaN) - (b[2 * i] ?? NaN);
    const y = (a[2 * i + 1] ?? NaN) - (b[2 * i + 1] ?? NaN);
    result[i] = Math.sqrt(x * x + y * y);
  }
  return result;
}

/** The core answers a class that there is not with nothing, and so the small module another schedule; here it is said. */
function checkOptions({ guidance, schedule }: FieldOptions, { experiment, whole }: Entry): void {
  const checks = new Checks();
  checks.wholeNumber('options.guidance.label', guidance.label, -1, experiment.labels() - 1);
  checks.finish();
  if (schedule.schedule !== '' && !whole) throw new LeftOut();
}

/** Problems of a sampler, told apart from those of an experiment, which has a seed and steps as well. */
function inSampler(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) =>
    problem.field === 'frames' ? problem : { ...problem, field: `sampler.${problem.field}` },
  );
}

/** Problems of a set's parameters, told apart from those of a ring, which has a radius as well. */
function inData(problems: readonly Problem[], { data, source }: ExperimentConfig): Problem[] {
  return problems.map((problem) => {
    const [part = '', name = ''] = problem.field.split('.');
    const config = part === 'data' ? data : part === 'source' ? source : null;
    if (config === null || !('dataSet' in config)) return problem;
    return { ...problem, field: `${part}.parameters.${name}` };
  });
}

/** An evaluation moves `count` particles, whatever its sampler says. */
function inEvaluation(problems: readonly Problem[]): Problem[] {
  return inSampler(problems).map((problem) =>
    problem.field === 'sampler.particles' ? { ...problem, field: 'count' } : problem,
  );
}

/** Thrown by the generated bindings for a value of the wrong type, before any of the core has run. */
function isRefusalOfBinding(thrown: unknown): boolean {
  return thrown instanceof TypeError || (thrown instanceof Error && thrown.name === 'BindingError');
}
