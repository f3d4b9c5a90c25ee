/**
 * What only the whole module does, as work in slices: likelihoods, trajectories, new runs on a model's own pairs,
 * runs that go into a file and come out of one, and points from text. It comes with that module, so that no reader waits for it who has not asked for any of it.
 *
 * Not here: who is next (scheduler.ts).
 */
import { Checks, checkStepWork } from './checks';
import { EngineError } from './errors';
import { problemsOf, type Experiment, type RunStart, type WholeModule } from './module';
import {
  plainField,
  type Created,
  type FromWorker,
  type Grid,
  type LikelihoodConfig,
  type Problem,
  type ReplyOf,
  type Request,
  type RequestKind,
  type SavedRun,
  type StopMemory,
} from './protocol';
import type { Entry, Stopwatch, Work, Yielded } from './scheduler';

type WholeKind =
  | 'likelihood'
  | 'density'
  | 'dataLikelihood'
  | 'trajectories'
  | 'reflow'
  | 'save'
  | 'restore'
  | 'parsePoints';
type RequestOf<K extends RequestKind> = Extract<Request, { kind: K }>;
export type WholeRequest = RequestOf<WholeKind>;

/** What the scheduler lends to a piece of work. */
export interface Surroundings {
  readonly module: WholeModule;
  /** The experiment that the request names; it is in the whole module. */
  readonly entry: Entry;
  /** It is running. */
  readonly clock: Stopwatch;
  readonly threads: number;
  readonly post: (message: FromWorker, transfer: Transferable[]) => void;
  /** Whether there is an experiment of the number. */
  readonly has: (experiment: number) => boolean;
  readonly keep: (experiment: number, made: Entry) => Created;
}

/** The work of a request; frees in `finally` what it made. */
export function wholeWork(request: WholeRequest, around: Surroundings): Work<RequestKind> {
  const { module } = around;
  switch (request.kind) {
    case 'likelihood': {
      const { likelihood, points } = request;
      return likelihoodWork(likelihood.field, around, (experiment) =>
        module.startLikelihood(experiment, withOptions(likelihood), points),
      );
    }
    case 'density': {
      const { likelihood, grid } = request;
      const checks = new Checks();
      checks.grid('grid', grid);
      checks.finish();
      return likelihoodWork(likelihood.field, around, (experiment) =>
        module.startDensity(experiment, withOptions(likelihood), gridCells(grid)),
      );
    }
    case 'dataLikelihood': {
      const { likelihood, count, seed } = request;
      return likelihoodWork(likelihood.field, around, (experiment) =>
        module.startDataLikelihood(experiment, withOptions(likelihood), count, seed),
      );
    }
    case 'trajectories':
      return trajectoriesWork(request, around);
    case 'reflow':
      return reflowWork(request, around);
    case 'save':
      return saveWork(around);
    case 'restore':
      return restoreWork(request, around);
    case 'parsePoints':
      return parsePointsWork(request, around);
    default: {
      const { kind } = request as { kind: unknown };
      const allowed = 'a kind of request that this engine knows';
      throw EngineError.refused([{ field: 'kind', value: String(kind), allowed }]);
    }
  }
}

const withOptions = (likelihood: LikelihoodConfig) => ({ options: plainField, ...likelihood });

type LikelihoodKind = 'likelihood' | 'density' | 'dataLikelihood';

function* likelihoodWork(
  field: string,
  { entry, clock }: Surroundings,
  start: (experiment: Experiment) => RunStart,
): Work<LikelihoodKind> {
  const { experiment } = entry;
  const stepsDone = field === 'learned' ? experiment.stepsDone() : 0;
  const { run, problems } = start(experiment);
  if (!run) throw EngineError.refused(problemsOf(problems));
  try {
    const result = yield* finished(run, clock);
    const value = { ...result, stepsDone, seconds: clock.seconds() } as ReplyOf[LikelihoodKind];
    const arrays = Object.values(result).filter((each) => each instanceof Float32Array);
    return { value, transfer: arrays.map(({ buffer }) => buffer as ArrayBuffer) };
  } finally {
    run.delete();
  }
}

/** Both parts begin at once: each keeps the weights as they are then. */
function* trajectoriesWork(
  { trajectories }: RequestOf<'trajectories'>,
  { module, entry: { experiment }, clock }: Surroundings,
): Work<'trajectories'> {
  const { field, options, count, seed } = trajectories;
  const stepsDone = field === 'learned' ? experiment.stepsDone() : 0;
  const { run, problems } = module.startTrajectories(experiment, trajectories);
  if (!run) throw EngineError.refused(within('trajectories', problemsOf(problems)));
  try {
    const oneStep = { solver: 'euler', steps: 1, tolerance: 1, diffusion: 0 };
    const sampler = { field, options, ...oneStep, particles: count, seed };
    const { evaluation, problems: others } = experiment.startEvaluation(sampler, count);
    if (!evaluation) throw EngineError.refused(within('trajectories', problemsOf(others)));
    try {
      const ways = yield* finished(run, clock);
      const { slicedW2, slicedW2Floor } = yield* finished(evaluation, clock);
      const value = {
        ...ways,
        oneStepSlicedW2: slicedW2,
        oneStepSlicedW2Floor: slicedW2Floor,
        count,
        stepsDone,
        seconds: clock.seconds(),
      };
      return { value, transfer: [] };
    } finally {
      evaluation.delete();
    }
  } finally {
    run.delete();
  }
}

/** The weights are held still: what is trained meanwhile would be lost to the new run. */
function* reflowWork(
  { id, as, reflow }: RequestOf<'reflow'>,
  { module, entry, clock, threads, post, has, keep }: Surroundings,
): Work<'reflow'> {
  checkUnused(as, has);
  const { run, problems } = module.startReflow(entry.experiment, reflow.pairs, reflow.seed);
  if (!run) throw EngineError.refused(within('reflow', problemsOf(problems)));
  try {
    while (!run.advance(clock.left())) {
      post({ type: 'progress', id, progress: run.progress() }, []);
      yield* clock.rest('hold');
    }
    const { config } = entry;
    const made = module.Experiment.createOnPairs(config, threads, run, reflow.oneStep);
    if (!made.experiment) throw EngineError.refused(problemsOf(made.problems));
    const { experiment } = made;
    const value = keep(as, { experiment, config, whole: true, pairs: run.count() });
    return { value, transfer: [] };
  } finally {
    run.delete();
  }
}

/** In one piece, between two slices of training: a step is in it as a whole or not at all. */
// eslint-disable-next-line require-yield -- a generator like all other work
function* saveWork({ module, entry }: Surroundings): Work<'save'> {
  const { experiment, config } = entry;
  const state = experiment.state();
  const { kind, count, scale, seed } = config.timeFeatures;
  const value: SavedRun = {
    state,
    stop: config.stop ? (module.stopMemory(experiment) as StopMemory) : null,
    timeFrequencies: module.timeFrequencies(kind, count, scale, seed),
    version: module.version(),
  };
  const { parameters, ema, firstMoment, secondMoment } = state;
  const arrays = [parameters, ema, firstMoment, secondMoment];
  return { value, transfer: arrays.map(({ buffer }) => buffer as ArrayBuffer) };
}

// eslint-disable-next-line require-yield -- a generator like all other work
function* restoreWork(
  { as, config, run }: RequestOf<'restore'>,
  { module, threads, has, keep }: Surroundings,
): Work<'restore'> {
  checkUnused(as, has);
  const { experiment, problems } = module.Experiment.create(config, threads);
  if (!experiment) throw EngineError.refused(problemsOf(problems));
  try {
    checkStepWork(config, experiment.parameters());
    const refused = problemsOf(experiment.restore(run.state));
    if (run.stop) refused.push(...problemsOf(module.restoreStop(experiment, run.stop)));
    if (refused.length > 0) throw EngineError.refused(refused);
  } catch (thrown) {
    experiment.delete();
    throw thrown;
  }
  return { value: keep(as, { experiment, config, whole: true }), transfer: [] };
}

/** In one piece: it is some milliseconds of work. */
// eslint-disable-next-line require-yield -- a generator like all other work
function* parsePointsWork(
  { csv, labelColumn }: RequestOf<'parsePoints'>,
  { module }: Surroundings,
): Work<'parsePoints'> {
  const { problems, ...value } = module.parsePoints(csv, labelColumn);
  if (problems.length > 0) throw EngineError.refused(problemsOf(problems));
  return { value, transfer: [value.points.buffer, value.labels.buffer] as ArrayBuffer[] };
}

function checkUnused(as: number, has: Surroundings['has']): void {
  if (!has(as)) return;
  const problem = { field: 'as', value: String(as), allowed: 'a number that was never used' };
  throw EngineError.refused([problem]);
}

function* finished<R extends object>(
  run: { advance(milliseconds: number): boolean; result(): R },
  clock: Stopwatch,
): Generator<Yielded, R, void> {
  while (!run.advance(clock.left())) yield* clock.rest('share');
  return run.result();
}

/** Problems of one part of a request, by its name. */
function within(part: string, problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, field: `${part}.${problem.field}` }));
}

/** The rectangle of the cells around the points: half a cell wider than the grid on each side. */
function gridCells(grid: Grid): {
  xLow: number;
  xHigh: number;
  yLow: number;
  yHigh: number;
  columns: number;
  rows: number;
} {
  const { columns, rows } = grid;
  const x = columns > 1 ? (grid.xMax - grid.xMin) / (columns - 1) / 2 : 0;
  const y = rows > 1 ? (grid.yMax - grid.yMin) / (rows - 1) / 2 : 0;
  return {
    xLow: grid.xMin - x,
    xHigh: grid.xMax + x,
    yLow: grid.yMin - y,
    yHigh: grid.yMax + y,
    columns,
    rows,
  };
}
