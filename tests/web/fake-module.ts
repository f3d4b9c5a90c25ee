// A stand-in for the WebAssembly module: its work is nothing but time on a clock that the test reads.
import type { WholeModule } from '../../web/src/engine/module';
import { plainField } from '../../web/src/engine/protocol';
import type {
  ExperimentConfig,
  FromWorker,
  Reply,
  RequestBody,
  LikelihoodConfig,
  SamplerConfig,
  TrainProgress,
} from '../../web/src/engine/protocol';
import { Scheduler } from '../../web/src/engine/scheduler';
import { wholeWork } from '../../web/src/engine/whole-work';
import { experimentConfigOf, samplerConfigOf } from '../../web/src/state/configs';
import { defaultState } from '../../web/src/state/settings';

export const quickConfig: ExperimentConfig = experimentConfigOf(defaultState);
export const exactSampler: SamplerConfig = samplerConfigOf(defaultState, 'exact');
export const exactLikelihood: LikelihoodConfig = {
  field: 'exact',
  options: plainField,
  solver: 'rk4',
  steps: 20,
  tolerance: 1e-5,
  probes: 0,
  seed: 0,
};
export const learnedLikelihood: LikelihoodConfig = { ...exactLikelihood, field: 'learned' };
export const learnedSampler: SamplerConfig = samplerConfigOf(defaultState, 'learned');

/** What the fake does and how long it takes; a test changes it as it goes. */
export class FakeWorld {
  now = 1000;
  millisecondsPerStep = 2;
  /** Milliseconds of work in a flow, an evaluation or a likelihood. */
  flowMilliseconds = 50;
  parameters = 8642;
  divergeAt = Infinity;
  /** The step at which the rule of a run stops it. */
  stopAt = Infinity;
  /** What the next call into the module throws. */
  thrown: unknown = null;
  /** Objects made and not deleted. */
  alive = 0;
  log: string[] = [];

  call(what: string, milliseconds = 0): void {
    this.log.push(what);
    this.now += milliseconds;
    if (this.thrown !== null) {
      const thrown = this.thrown;
      this.thrown = null;
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a module may throw anything
      throw thrown;
    }
  }
}

class FakeObject {
  #deleted = false;
  constructor(protected readonly world: FakeWorld) {
    world.alive++;
  }
  protected use(what: string, milliseconds = 0): void {
    if (this.#deleted) throw new Error(`${what} of a deleted object`);
    this.world.call(what, milliseconds);
  }
  delete(): void {
    if (this.#deleted) throw new Error('deleted twice');
    this.#deleted = true;
    this.world.alive--;
  }
}

class FakeRun extends FakeObject {
  #left: number;
  constructor(
    world: FakeWorld,
    readonly kind: 'flow' | 'evaluation',
    readonly size: number,
  ) {
    super(world);
    this.#left = world.flowMilliseconds;
  }
  spareThreads(count: number): void {
    this.use(`spareThreads ${String(count)}`);
  }
  advance(milliseconds: number): boolean {
    const worked = Math.min(milliseconds, this.#left);
    this.use(this.kind, worked);
    this.#left -= worked;
    return this.#left <= 0;
  }
  times(): Float64Array {
    this.use('times');
    return new Float64Array([0, 1]);
  }
  positions(): Float32Array {
    this.use('positions');
    return new Float32Array(this.size);
  }
  functionEvaluations(): number {
    return 100;
  }
  result() {
    this.use('result');
    return {
      slicedW2: 0.2,
      slicedW2Floor: 0.1,
      energyDistance: 0.004,
      energyDistanceFloor: 0.002,
      withinThree: 0.98,
      withinThreeTruth: 0.99,
      modeShares: new Float32Array(11),
    };
  }
}

class FakeLikelihood extends FakeObject {
  #left: number;
  constructor(
    world: FakeWorld,
    readonly answer: object,
  ) {
    super(world);
    this.#left = world.flowMilliseconds;
  }
  advance(milliseconds: number): boolean {
    const worked = Math.min(milliseconds, this.#left);
    this.use('likelihood', worked);
    this.#left -= worked;
    return this.#left <= 0;
  }
  progress(): number {
    return 0;
  }
  result() {
    this.use('result');
    return this.answer as never;
  }
}

class FakeReflow extends FakeObject {
  #done = 0;
  constructor(
    world: FakeWorld,
    readonly pairs: number,
  ) {
    super(world);
  }
  advance(milliseconds: number): boolean {
    const { flowMilliseconds } = this.world;
    const worked = Math.min(milliseconds, flowMilliseconds - this.#done);
    this.use('reflow', worked);
    this.#done += worked;
    return this.#done >= flowMilliseconds;
  }
  progress(): number {
    return this.#done / this.world.flowMilliseconds;
  }
  count(): number {
    return this.pairs;
  }
  starts(): Float32Array {
    return new Float32Array(2 * this.pairs);
  }
  ends(): Float32Array {
    return new Float32Array(2 * this.pairs);
  }
}

class FakeExperiment extends FakeObject {
  #steps = 0;
  #diverged = false;
  constructor(
    world: FakeWorld,
    readonly config: ExperimentConfig,
    readonly whole: boolean,
  ) {
    super(world);
  }
  parameters(): number {
    return this.world.parameters;
  }
  memoryBytes(): number {
    return 2 ** 24;
  }
  labels(): number {
    const { data, labels } = this.config;
    return labels && 'components' in data ? data.components : 0;
  }
  irreducibleLoss(): number {
    return 9.826;
  }
  stepsDone(): number {
    return this.#steps;
  }
  diverged(): boolean {
    return this.#diverged;
  }
  stateHash(): string {
    return String(this.#steps);
  }
  state() {
    this.use('state');
    const none = new Float32Array(0);
    return {
      parameters: none,
      ema: none,
      firstMoment: none,
      secondMoment: none,
      stepsDone: this.#steps,
      diverged: this.#diverged,
    };
  }
  restore({ stepsDone, diverged }: { stepsDone: number; diverged: boolean }) {
    this.use('restore');
    if (stepsDone > this.config.steps) {
      return [{ field: 'stepsDone', value: String(stepsDone), allowed: 'from 0 to all' }];
    }
    this.#steps = stepsDone;
    this.#diverged = diverged;
    return [];
  }
  train(steps: number, milliseconds: number) {
    const { millisecondsPerStep } = this.world;
    let run = Math.min(steps, Math.max(1, Math.floor(milliseconds / millisecondsPerStep)));
    if (this.#steps + run >= this.world.divergeAt) {
      run = this.world.divergeAt - this.#steps;
      this.#diverged = true;
    }
    this.use(`train ${String(this.config.seed)}`, run * millisecondsPerStep);
    this.#steps += run;
    return {
      losses: new Float32Array(run).fill(10),
      diverged: this.#diverged,
      seconds: (run * millisecondsPerStep) / 1000,
    };
  }
  startFlow({ particles, solver }: { particles: number; solver: unknown }, frames: number) {
    if (solver === 'dopri5' && !this.whole) return { flow: null, problems: [] };
    if (!(particles >= 1)) {
      return {
        flow: null,
        problems: [{ field: 'particles', value: String(particles), allowed: 'from 1 to 100000' }],
      };
    }
    this.use('startFlow');
    const flow = new FakeRun(this.world, 'flow', (frames + 1) * particles * 2);
    return { flow, problems: [] };
  }
  startEvaluation(_sampler: object, count: number) {
    if (!(count >= 2)) {
      return {
        evaluation: null,
        problems: [{ field: 'particles', value: String(count), allowed: 'from 2 to 50000' }],
      };
    }
    this.use('startEvaluation');
    return { evaluation: new FakeRun(this.world, 'evaluation', count), problems: [] };
  }
  velocity(field: string, _options: object, t: number, points: Float32Array): Float32Array {
    this.use(`velocity ${field}`, 5);
    return points.map((x) => (field === 'exact' ? x : x + t));
  }
  logDensity(_options: object, t: number, points: Float32Array): Float32Array {
    this.use('logDensity', 5);
    return new Float32Array(points.length / 2).fill(-t);
  }
  differenceRms() {
    this.use('differenceRms');
    return { rms: 0.5, exactRms: 5 };
  }
}

/** The small module has no optimal transport and no dopri5. */
export function fakeModule(world: FakeWorld, whole = false): WholeModule {
  const likelihood = (steps: number, answer: object) => {
    if (!(steps >= 1)) {
      const problem = { field: 'likelihood.steps', value: String(steps), allowed: 'from 1' };
      return { run: null, problems: [problem] };
    }
    world.call('startLikelihood');
    return { run: new FakeLikelihood(world, answer), problems: [] };
  };
  const module: WholeModule = {
    startLikelihood: (_experiment, { steps }, points) =>
      likelihood(steps, {
        logDensity: new Float32Array(points.length / 2).fill(-2),
        functionEvaluations: 4 * steps,
      }),
    startDensity: (_experiment, { steps }, { columns, rows, xLow, xHigh }) =>
      likelihood(steps, {
        logDensity: new Float32Array(columns * rows).fill(-3),
        // So that a test sees the cells that were asked for.
        integral: (xHigh - xLow) / columns,
        functionEvaluations: 4 * steps,
      }),
    startDataLikelihood: (_experiment, { steps }, count) =>
      likelihood(steps, {
        negativeLogLikelihood: 3.9,
        standardError: 0.02,
        entropy: 3.8,
        divergence: 0.1,
        divergenceError: 0.01,
        functionEvaluations: 4 * steps,
        count,
      }),
    startTrajectories: (_experiment, { count }) => {
      if (!(count >= 1)) {
        const problem = { field: 'count', value: String(count), allowed: 'from 1 to 100000' };
        return { run: null, problems: [problem] };
      }
      world.call('startTrajectories');
      const answer = {
        straightness: 12,
        pathEnergy: 110,
        leastPathEnergy: 100,
        normalisedPathEnergy: 0.1,
      };
      return { run: new FakeLikelihood(world, answer), problems: [] };
    },
    startReflow: (_experiment, pairs) => {
      if (!(pairs >= 16)) {
        const problem = { field: 'pairs', value: String(pairs), allowed: 'from 16 to 200000' };
        return { run: null, problems: [problem] };
      }
      world.call('startReflow');
      return { run: new FakeReflow(world, pairs), problems: [] };
    },
    parsePoints: (csv, labelColumn) => {
      world.call('parsePoints');
      const text = csv as string;
      const problem = { field: 'line 1, column 1', value: text, allowed: 'a number' };
      const good = !text.includes('x');
      return {
        points: Float32Array.from(good ? text.split(',').map(Number) : []),
        labels: new Int32Array(labelColumn < 0 ? 0 : 1),
        columns: 2,
        problems: good ? [] : [problem],
      };
    },
    reach: () => 7,
    stopState: (experiment) => ({
      reason:
        (experiment as unknown as FakeExperiment).stepsDone() >= world.stopAt ? 'below' : 'none',
      last: 0.5,
      best: 0.25,
    }),
    stopMemory: (experiment) => ({
      lossSum: 0,
      losses: 0,
      last: 0.5,
      best: 0.25,
      sinceBest: (experiment as unknown as FakeExperiment).stepsDone(),
      reason: 'none',
    }),
    restoreStop: (_experiment, { losses }) => {
      world.call('restoreStop');
      const problem = { field: 'stop.losses', value: String(losses), allowed: 'from 0' };
      return losses >= 0 ? [] : [problem];
    },
    timeFrequencies: (kind, count) =>
      kind === 'plain' ? [] : Array.from({ length: count / 2 }, (_, k) => k),
    version: () => '1.2.3',
    tier: () => ({ simd: 'simd128' as const, threads: 1 }),
    Experiment: {
      create(config: ExperimentConfig) {
        world.call('create');
        if (config.coupling.coupling === 'ot' && !whole) return { experiment: null, problems: [] };
        if (config.batchSize >= 1) {
          return { experiment: new FakeExperiment(world, config, whole), problems: [] };
        }
        const problems = [
          { field: 'batchSize', value: String(config.batchSize), allowed: 'from 1 to 65536' },
        ];
        return { experiment: null, problems };
      },
      createOnPairs(config: ExperimentConfig, _threads: number, _pairs: object, oneStep: boolean) {
        world.call(oneStep ? 'create student' : 'create rectified');
        return { experiment: new FakeExperiment(world, config, true), problems: [] };
      },
    },
  };
  return module;
}

/** A scheduler on the fake, whose event loop is turned by hand. */
export class Bench {
  readonly world = new FakeWorld();
  readonly messages: FromWorker[] = [];
  readonly transfers: Transferable[][] = [];
  readonly scheduler: Scheduler;
  /** How often the whole module was asked for. */
  loads = 0;
  #loaded: ((error?: Error) => void)[] = [];
  #deferred = 0;
  #nextId = 1;

  constructor() {
    this.scheduler = new Scheduler({
      module: fakeModule(this.world),
      loadWhole: () => {
        this.loads++;
        return new Promise((resolve, reject) => {
          this.#loaded.push((error) => {
            if (error) reject(error);
            else resolve({ module: fakeModule(this.world, true), work: wholeWork });
          });
        });
      },
      threads: 0,
      now: () => this.world.now,
      defer: () => {
        this.#deferred++;
      },
      post: (message, transfer) => {
        this.messages.push(message);
        this.transfers.push(transfer);
      },
    });
  }

  /** The whole module arrives, or does not. */
  async load(error?: Error): Promise<void> {
    for (const loaded of this.#loaded.splice(0)) loaded(error);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }

  /** Sends a request and returns its number. */
  send(body: RequestBody): number {
    const id = this.#nextId++;
    this.scheduler.receive({ ...body, id });
    return id;
  }

  create(experiment = 1, change: Partial<ExperimentConfig> = {}): number {
    return this.send({ kind: 'create', experiment, config: { ...quickConfig, ...change } });
  }

  /** An experiment that is in the whole module from the beginning. */
  async createWhole(experiment = 1): Promise<void> {
    const number = experiment + 1000;
    this.create(number, { coupling: { coupling: 'ot', labelAware: false, regularisation: 0.05 } });
    await this.load();
    this.send({ kind: 'dispose', experiment: number });
    this.create(experiment);
  }

  /** Turns the event loop once; false when there is nothing to do. */
  turn(): boolean {
    if (this.#deferred === 0) return false;
    if (this.#deferred > 1) throw new Error('deferred twice');
    this.#deferred = 0;
    this.scheduler.tick();
    return true;
  }

  /** Turns until nothing is left to do. */
  run(): void {
    for (let turns = 0; this.turn(); turns++) {
      if (turns > 100_000) throw new Error('never done');
    }
  }

  /** The one answer to a request; undefined while it has none. */
  reply(id: number): Exclude<Reply, { type: 'progress' }> | undefined {
    const replies = this.messages.filter(
      (message) => (message.type === 'result' || message.type === 'error') && message.id === id,
    );
    if (replies.length > 1) throw new Error(`request ${String(id)} was answered twice`);
    return replies[0] as Exclude<Reply, { type: 'progress' }> | undefined;
  }

  result(id: number): unknown {
    const reply = this.reply(id);
    if (reply?.type !== 'result') throw new Error(`no result: ${JSON.stringify(reply)}`);
    return reply.result;
  }

  error(id: number) {
    const reply = this.reply(id);
    if (reply?.type !== 'error') throw new Error(`no error: ${JSON.stringify(reply)}`);
    return reply.error;
  }

  progressOf(id: number): TrainProgress[] {
    return this.#progressOf(id).filter((progress) => typeof progress !== 'number');
  }

  /** Of a reflow: the shares that are done. */
  sharesOf(id: number): number[] {
    return this.#progressOf(id).filter((progress) => typeof progress === 'number');
  }

  #progressOf(id: number): (TrainProgress | number)[] {
    return this.messages.flatMap((message) =>
      message.type === 'progress' && message.id === id ? [message.progress] : [],
    );
  }
}
