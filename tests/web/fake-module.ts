// A stand-in for the WebAssembly module: its work is nothing but time on a clock that the test reads.
import type { EngineModule } from '../../web/src/engine/module';
import type {
  ExperimentConfig,
  FromWorker,
  Reply,
  RequestBody,
  SamplerConfig,
} from '../../web/src/engine/protocol';
import { Scheduler } from '../../web/src/engine/scheduler';
import { experimentConfigOf, samplerConfigOf } from '../../web/src/state/configs';
import { defaultState } from '../../web/src/state/settings';

export const quickConfig: ExperimentConfig = experimentConfigOf(defaultState);
export const exactSampler: SamplerConfig = samplerConfigOf(defaultState, 'exact');
export const learnedSampler: SamplerConfig = samplerConfigOf(defaultState, 'learned');

/** What the fake does and how long it takes; a test changes it as it goes. */
export class FakeWorld {
  now = 1000;
  millisecondsPerStep = 2;
  /** Milliseconds of work in a flow or an evaluation. */
  flowMilliseconds = 50;
  parameters = 8642;
  divergeAt = Infinity;
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

class FakeExperiment extends FakeObject {
  #steps = 0;
  #diverged = false;
  constructor(
    world: FakeWorld,
    readonly config: ExperimentConfig,
  ) {
    super(world);
  }
  parameters(): number {
    return this.world.parameters;
  }
  memoryBytes(): number {
    return 2 ** 24;
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
  startFlow({ particles }: { particles: number }, frames: number) {
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
  velocity(field: string, t: number, points: Float32Array): Float32Array {
    this.use(`velocity ${field}`, 5);
    return points.map((x) => (field === 'exact' ? x : x + t));
  }
  logDensity(t: number, points: Float32Array): Float32Array {
    this.use('logDensity', 5);
    return new Float32Array(points.length / 2).fill(-t);
  }
  differenceRms() {
    this.use('differenceRms');
    return { rms: 0.5, exactRms: 5 };
  }
}

export function fakeModule(world: FakeWorld): EngineModule {
  const module = {
    tier: () => ({ simd: 'simd128' as const, threads: 1 }),
    Experiment: {
      create(config: ExperimentConfig) {
        world.call('create');
        if (config.batchSize >= 1) {
          return { experiment: new FakeExperiment(world, config), problems: [] };
        }
        const problems = [
          { field: 'batchSize', value: String(config.batchSize), allowed: 'from 1 to 65536' },
        ];
        return { experiment: null, problems };
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
  #deferred = 0;
  #nextId = 1;

  constructor() {
    this.scheduler = new Scheduler({
      module: fakeModule(this.world),
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

  /** Sends a request and returns its number. */
  send(body: RequestBody): number {
    const id = this.#nextId++;
    this.scheduler.receive({ ...body, id });
    return id;
  }

  create(experiment = 1, change: Partial<ExperimentConfig> = {}): number {
    return this.send({ kind: 'create', experiment, config: { ...quickConfig, ...change } });
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

  progressOf(id: number) {
    return this.messages.flatMap((message) =>
      message.type === 'progress' && message.id === id ? [message.progress] : [],
    );
  }
}
