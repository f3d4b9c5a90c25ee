/**
 * Shares one thread among all requests of a page. A request that takes long is a generator that works for
 * some milliseconds and yields; between two such slices the thread returns to its event loop, where a
 * pause, a cancellation or a new request is read. The running jobs take turns.
 *
 * Not here: Worker globals, clocks and timers (worker.ts brings them), or any numerical work.
 */
import { Checks, maxStepWork } from './checks';
import { EngineError, messageOf } from './errors';
import { gridPoints } from './grid';
import { problemsOf, type EngineModule, type Experiment } from './module';
import {
  maxFrames,
  type Difference,
  type ErrorBody,
  type ExperimentConfig,
  type FieldName,
  type FlowClip,
  type FromWorker,
  type Grid,
  type Metrics,
  type Problem,
  type ReplyOf,
  type Request,
  type RequestKind,
  type Trained,
} from './protocol';

/** What the surroundings provide. */
export interface SchedulerHost {
  module: EngineModule;
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

interface Entry {
  readonly experiment: Experiment;
  readonly stepsTotal: number;
}

/**
 * How a job leaves the thread to others. `hold`: the weights must not change before its next slice, so
 * training of the same experiment waits. `share`: anything may run.
 */
type Yielded = 'hold' | 'share';

interface Result<K extends RequestKind> {
  readonly value: ReplyOf[K];
  readonly transfer: Transferable[];
}

type Work<K extends RequestKind> = Generator<Yielded, Result<K>, void>;

type RequestOf<K extends RequestKind> = Extract<Request, { kind: K }>;

interface Job {
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
  #deferred = false;
  #crashed = false;

  constructor(host: SchedulerHost) {
    this.#host = host;
  }

  /** Jobs that are not answered yet. */
  get running(): number {
    return this.#jobs.length;
  }

  /** Takes a message. Short requests are answered at once, long ones in slices. */
  receive(request: Request): void {
    if (this.#crashed) return;
    try {
      this.#accept(request);
    } catch (thrown) {
      this.#fail(request.id, thrown);
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
      this.#fail(job.id, thrown);
    }
    this.#deferTick();
  }

  #accept(request: Request): void {
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
        this.#cancel((job) => job.id === request.target);
        this.#answer(request.id, 'cancel', { value: null, transfer: [] });
        return;
      case 'dispose':
        this.#remove(request.experiment);
        this.#answer(request.id, 'dispose', { value: null, transfer: [] });
        return;
      default: {
        const { kind } = request as { kind: unknown };
        const allowed = 'a kind of request that this engine knows';
        throw EngineError.refused([{ field: 'kind', value: String(kind), allowed }]);
      }
    }
  }

  // --- Short requests

  #create(request: RequestOf<'create'>): void {
    const { experiment, problems } = this.#host.module.Experiment.create(
      request.config,
      this.#host.threads,
    );
    if (!experiment) throw EngineError.refused(problemsOf(problems));
    try {
      checkStepWork(request.config, experiment.parameters());
    } catch (thrown) {
      experiment.delete();
      throw thrown;
    }
    // Only now that the new one exists: a refused request leaves the old one as it was.
    if (this.#entries.has(request.experiment)) this.#remove(request.experiment);
    this.#entries.set(request.experiment, { experiment, stepsTotal: request.config.steps });
    this.#answer(request.id, 'create', {
      value: {
        tier: this.#host.module.tier(),
        parameters: experiment.parameters(),
        memoryBytes: experiment.memoryBytes(),
      },
      transfer: [],
    });
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

  #cancel(matches: (job: Job) => boolean): void {
    for (const job of this.#takeOut(matches)) {
      this.#postError(job.id, { code: 'cancelled', message: 'Cancelled.', problems: [] });
    }
  }

  // --- Long requests. Each checks its input before its first slice and frees in `finally` what it made.

  #train(request: RequestOf<'train'>): Work<'train'> {
    const { steps, sliceMilliseconds: slice } = request;
    const checks = new Checks();
    checks.wholeNumber('steps', steps, 1, Number.MAX_SAFE_INTEGER);
    checks.numberBetween('sliceMilliseconds', slice, 1, maxSliceMilliseconds);
    checks.finish();
    const { experiment, stepsTotal } = this.#entry(request.experiment);
    const post = this.#host.post.bind(this.#host);

    function* work(): Work<'train'> {
      let left = steps;
      for (;;) {
        const before = experiment.stepsDone();
        if (experiment.diverged()) return trained('diverged');
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
        if (left > 0 && stepsDone < stepsTotal && !experiment.diverged()) yield 'share';
      }
    }
    function trained(reason: Trained['reason']): Result<'train'> {
      return { value: { stepsDone: experiment.stepsDone(), reason }, transfer: [] };
    }
    return work();
  }

  #flow(request: RequestOf<'flow'>): Work<'flow'> {
    const { sampler, frames, arrows: grid } = request;
    const checks = new Checks();
    checks.oneOf('sampler.field', sampler.field, fieldNames);
    checks.wholeNumber('frames', frames, 1, maxFrames);
    if (grid) {
      checks.grid('arrows', grid);
      checks.resultSize('arrows', sizeOf(grid), (frames + 1) * grid.columns * grid.rows * 2);
    }
    checks.resultSize('sampler.particles', sampler.particles, (frames + 1) * sampler.particles * 2);
    checks.finish();
    const { experiment } = this.#entry(request.experiment);
    const compute = this.#computeGrid.bind(this);
    const clock = this.#stopwatch();

    function* work(): Work<'flow'> {
      clock.start();
      const stepsDone = sampler.field === 'learned' ? experiment.stepsDone() : 0;
      const { flow, problems } = experiment.startFlow(sampler, frames);
      if (!flow) throw EngineError.refused(inSampler(problemsOf(problems)));
      try {
        const times = flow.times() as Float64Array<ArrayBuffer>;
        // The flow has its own copy of the weights; the arrows come first, and hold them still.
        let arrows: Float32Array<ArrayBuffer> | null = null;
        if (grid) {
          arrows = yield* compute([...times], grid, 2, clock, (t, points) =>
            experiment.velocity(sampler.field, t, points),
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
    const { field, times, grid } = request;
    const checks = new Checks();
    checks.oneOf('field', field, fieldNames);
    checks.times('times', times);
    checks.grid('grid', grid);
    checks.resultSize('grid', sizeOf(grid), times.length * grid.columns * grid.rows * 2);
    checks.finish();
    const { experiment } = this.#entry(request.experiment);
    return this.#gridWork<'velocity'>(times, grid, 2, (t, points) =>
      experiment.velocity(field, t, points),
    );
  }

  #logDensity(request: RequestOf<'logDensity'>): Work<'logDensity'> {
    const { times, grid } = request;
    const checks = new Checks();
    checks.times('times', times);
    checks.grid('grid', grid);
    checks.resultSize('grid', sizeOf(grid), times.length * grid.columns * grid.rows);
    checks.finish();
    const { experiment } = this.#entry(request.experiment);
    return this.#gridWork<'logDensity'>(times, grid, 1, (t, points) =>
      experiment.logDensity(t, points),
    );
  }

  /** In its turn, although it is one piece of work: what was asked for before is more urgent. */
  #irreducibleLoss(request: RequestOf<'irreducibleLoss'>): Work<'irreducibleLoss'> {
    const { experiment } = this.#entry(request.experiment);
    // eslint-disable-next-line require-yield -- a generator like all other work
    function* work(): Work<'irreducibleLoss'> {
      return { value: experiment.irreducibleLoss(), transfer: [] };
    }
    return work();
  }

  #difference(request: RequestOf<'difference'>): Work<'difference'> {
    const { t, grid } = request;
    const checks = new Checks();
    checks.numberBetween('t', t, 0, 1);
    checks.grid('grid', grid);
    checks.finish();
    const { experiment } = this.#entry(request.experiment);
    const compute = this.#computeGrid.bind(this);
    const clock = this.#stopwatch();

    function* work(): Work<'difference'> {
      clock.start();
      const stepsDone = experiment.stepsDone();
      const magnitude = yield* compute([t], grid, 1, clock, (time, points) => {
        const learned = experiment.velocity('learned', time, points);
        const exact = experiment.velocity('exact', time, points);
        return distances(learned, exact);
      });
      yield* clock.rest('hold');
      const { rms, exactRms } = experiment.differenceRms(t, differencePoints);
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
    const { experiment } = this.#entry(request.experiment);
    const clock = this.#stopwatch();

    function* work(): Work<'metrics'> {
      clock.start();
      const stepsDone = sampler.field === 'learned' ? experiment.stepsDone() : 0;
      const { evaluation, problems } = experiment.startEvaluation(sampler, count);
      if (!evaluation) throw EngineError.refused(inEvaluation(problemsOf(problems)));
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

  #start(request: Exclude<Request, { kind: 'cancel' }>, work: Work<RequestKind>): void {
    const { id, kind, experiment } = request;
    this.#jobs.push({ id, kind, experiment, work, holding: false });
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

  #fail(id: number, thrown: unknown): void {
    if (thrown instanceof EngineError) {
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
      const message = `The engine stopped on an internal error: ${messageOf(thrown)}`;
      this.#host.post({ type: 'failed', error: { code: 'crashed', message, problems: [] } }, []);
    }
  }

  #postError(id: number, error: ErrorBody): void {
    this.#host.post({ type: 'error', id, error }, []);
  }
}

/** Measures the slices of a job, without the time in which others ran. */
class Stopwatch {
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

/** A step cannot be interrupted: one that would take seconds is refused. */
function checkStepWork(config: ExperimentConfig, parameters: number): void {
  const largest = Math.max(1, Math.floor(maxStepWork / parameters));
  if (config.batchSize <= largest) return;
  const allowed = `at most ${largest.toLocaleString('en')} for a network of ${parameters.toLocaleString('en')} weights`;
  throw EngineError.refused([{ field: 'batchSize', value: String(config.batchSize), allowed }]);
}

/** Problems of a sampler, told apart from those of an experiment, which has a seed and steps as well. */
function inSampler(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) =>
    problem.field === 'frames' ? problem : { ...problem, field: `sampler.${problem.field}` },
  );
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
