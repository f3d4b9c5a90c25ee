/**
 * A figure's conversation with the engine: it owns the experiment, the clips of both fields, the training
 * run and its measurements, and says when any of them has changed. All that is drawn can be read from it
 * at any moment; nothing here waits for a frame, and no frame waits for anything here.
 *
 * Not here: the document, the clock, or any drawing.
 */
import type { CallOptions, Engine, EngineError, Experiment } from '../engine/client';
import type {
  Created,
  ExperimentConfig,
  FieldName,
  FieldOptions,
  FlowClip,
  Grid,
  MethodConfig,
  Metrics,
  Problem,
  SamplerConfig,
  Stopped,
  Trained,
  TrainProgress,
} from '../engine/protocol';
import { plainField } from '../engine/protocol';
import { experimentConfigOf, samplerConfigOf } from '../state/configs';
import { defaultState, type State } from '../state/settings';
import { framesFor } from './data/clip';
import { evenTimes, type FieldMovie } from './data/field-movie';
import { LossHistory } from './data/loss-history';
import { RateMeter } from './data/rate';
import type { DifferenceMap } from './draw/difference';
import { arrowGrid, mapGrid, windowHalf, type Ends } from './draw/geometry';
import { hazeFrom } from './draw/haze';

export type Phase =
  /** Nothing to show yet. */
  | 'loading'
  /** The exact field moves the particles; nothing has been trained. */
  | 'flowing'
  | 'training'
  | 'paused'
  | 'done'
  /** The engine did not start, or has stopped. */
  | 'error';

/** What has changed: the reader of a session decides what to draw or write anew. */
export type SessionChange =
  'phase' | 'problems' | 'clips' | 'density' | 'progress' | 'metrics' | 'difference';

/** The clip on show, and the one that it takes over from. */
export interface Shown {
  readonly clip: FlowClip;
  /** Where the clip's arrows stand, if it has any. */
  readonly arrowGrid: Grid;
  readonly previous: FlowClip | null;
  /** When `clip` arrived, in milliseconds as of performance.now(). */
  readonly since: number;
}

/** What a run is: that on the data is the first, 1-rectified flow, each on the pairs of one the next. */
export interface RunKind {
  readonly rectified: number;
  /** A student of that flow instead, for one Euler step. */
  readonly student: boolean;
}

export const firstRun: RunKind = { rectified: 1, student: false };

/** A run that another one has been made of, as it was left. */
interface EarlierRun {
  readonly experiment: ExperimentLike;
  readonly phase: Phase;
  readonly measuredAtRest: { stepsDone: number; sampler: SamplerConfig } | null;
  readonly shown: Pick<
    Session,
    | 'created'
    | 'diverged'
    | 'irreducibleLoss'
    | 'kind'
    | 'loss'
    | 'metrics'
    | 'metricsHistory'
    | 'stepsDone'
    | 'trainingSeconds'
  >;
}

/** What of the engine a session needs: small enough for a test to stand in for. */
export type ExperimentLike = Pick<
  Experiment,
  | 'created'
  | 'recreate'
  | 'train'
  | 'pause'
  | 'flow'
  | 'logDensity'
  | 'irreducibleLoss'
  | 'difference'
  | 'metrics'
  | 'density'
  | 'dataLikelihood'
  | 'trajectories'
  | 'save'
  | 'parsePoints'
  | 'dispose'
> & {
  reflow(...asked: Parameters<Experiment['reflow']>): Promise<ExperimentLike>;
  restore(...asked: Parameters<Experiment['restore']>): Promise<ExperimentLike>;
};

/** A run that was trained elsewhere, or earlier: an experiment that goes on from it, and how far it is. */
export interface OpenedRun {
  readonly experiment: ExperimentLike;
  readonly trained: Trained;
}

export type EngineLike = Pick<Engine, 'status' | 'error' | 'restart'> &
  EventTarget & {
    createExperiment(config: ExperimentConfig, options?: CallOptions): Promise<ExperimentLike>;
  };

const densityTimes = 41;
/** Least milliseconds from one learned clip to the next while training. */
const clipPause = 700;
/** Milliseconds of pause for each one of computing, so that measuring never takes most of the engine's time. */
const clipShare = 3;
const metricsPause = 600;
const metricsShare = 5;
/** But no longer than this: what is shown must not be far behind. */
const longestPause = 5000;
/** Samples measured while training goes on, and when it rests. */
const samplesWhileTraining = 2000;
const samplesAtRest = 10_000;
/** Milliseconds between two reports of progress. */
const progressPause = 100;
/** Milliseconds from one map of the difference to the next request; training is not to wait for maps. */
const differencePause = 30;
const differencePauseWhileTraining = 150;

export class Session {
  phase: Phase = 'loading';
  /** Why the phase is `error`. */
  error: EngineError | null = null;
  /** What the engine last refused of something that was asked for in the background. */
  problems: readonly Problem[] = [];
  created: Created | null = null;
  kind: RunKind = firstRun;
  /** The loss that no network can go below; null until it is known. */
  /** Null until the engine has said; NaN where it cannot be known. */
  irreducibleLoss: number | null = null;
  exact: Shown | null = null;
  learned: Shown | null = null;
  density: FieldMovie | null = null;
  difference: DifferenceMap | null = null;
  loss = new LossHistory();
  /** The latest measurement, and those made while training, in order: all of the same number of samples. */
  metrics: Metrics | null = null;
  metricsHistory: Metrics[] = [];
  stepsDone = 0;
  stepsTotal = 0;
  /** Seconds spent in training steps. */
  trainingSeconds = 0;
  /** The loss stopped being finite: the last finite weights are kept, and no more can be trained. */
  diverged = false;
  /** The run was ended by its rule, and goes no further. */
  stopped: Stopped | null = null;
  /** Training was stopped because nobody could see the figure, and goes on when somebody can. */
  heldBack = false;

  readonly #engine: EngineLike;
  readonly #changed: (change: SessionChange) => void;
  readonly #rate = new RateMeter();
  #experiment: ExperimentLike | null = null;
  #earlier: EarlierRun[] = [];
  /** What is in force. */
  #config: ExperimentConfig | null = null;
  #sampler: SamplerConfig | null = null;
  #arrows = false;
  /** The state that was asked for last. */
  #wanted: State | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #trainUntil = 0;
  /** What was asked for is stale when the experiment ends, when the sampler changes, when training goes on. */
  #life = new AbortController();
  #samplerLife = new AbortController();
  #metricsLife = new AbortController();
  #watched = true;
  #closed = false;
  #learnedBusy = false;
  #learnedWanted = false;
  #learnedAt = 0;
  #metricsAt = 0;
  #metricsBusy = false;
  /** What the latest good measurement was of. */
  #measuredAtRest: { stepsDone: number; sampler: SamplerConfig } | null = null;
  /** The t that a map is wanted for, the last of them. */
  #differenceWish: number | null = null;
  #differenceBusy = false;
  #differenceFor: { t: number; clip: FlowClip | null } | null = null;
  #progressAt = 0;

  constructor(engine: EngineLike, changed: (change: SessionChange) => void) {
    this.#engine = engine;
    this.#changed = changed;
    engine.addEventListener('crash', this.#onCrash);
    engine.addEventListener('restart', this.#onRestart);
  }

  /** Null before it is made, and when the engine has stopped. */
  get experiment(): ExperimentLike | null {
    return this.#experiment;
  }

  /** What is in force; null before the first state was accepted. */
  get config(): ExperimentConfig | null {
    return this.#config;
  }

  /** Half the side of the window that is shown. */
  get half(): number {
    const config = this.#config ?? experimentConfigOf(defaultState);
    return windowHalf(config, this.created?.reach ?? 0);
  }

  /** How the clouds are moved; null before the first state was accepted. */
  get sampler(): SamplerConfig | null {
    return this.#sampler;
  }

  /** The class, the guidance and the schedule that are shown. */
  get options(): FieldOptions {
    return this.#sampler?.options ?? plainField;
  }

  /** The class that is shown; -1: all of the data. */
  get label(): number {
    return this.options.guidance.label;
  }

  /** How the run is learned, if not by flow matching, as all that are made of another one are. */
  get method(): MethodConfig | null {
    return this.kind === firstRun ? (this.#config?.method ?? null) : null;
  }

  /** The run that this one was made of; null of the first. */
  get before(): EarlierRun['shown'] | null {
    return this.#earlier.at(-1)?.shown ?? null;
  }

  /** How far the run on the data is: all others are made of it. */
  get first(): Pick<Session, 'phase' | 'stepsDone' | 'stepsTotal'> {
    const [first] = this.#earlier;
    if (!first) return this;
    return { phase: 'paused', stepsDone: first.shown.stepsDone, stepsTotal: this.stepsTotal };
  }

  get arrowGrid(): Grid {
    return arrowGrid(this.half);
  }

  get stepsPerSecond(): number {
    return this.#rate.stepsPerSecond;
  }

  get secondsLeft(): number {
    return (this.stepsTotal - this.stepsDone) / this.#rate.stepsPerSecond;
  }

  /**
   * Makes what `state` asks for, after what was asked before; returns what the engine refused of it, in
   * which case nothing is changed. A trained model is kept as long as the state asks for the same training, unless
   * it is to be thrown away: for a fresh one, or for a run of that very training that was opened.
   */
  apply(state: State, discardFor: boolean | OpenedRun = false): Promise<readonly Problem[]> {
    this.#wanted = state;
    const applied = this.#queue.then(() => this.#apply(state, discardFor));
    this.#queue = applied.then(
      () => undefined,
      () => undefined,
    );
    return applied;
  }

  /** Trains until `until` steps are done (0: to the end of the run), or until a pause. */
  train(until = 0): void {
    this.#trainUntil = until;
    void this.#train((until > this.stepsDone ? until : this.stepsTotal) - this.stepsDone);
  }

  trainOneStep(): void {
    void this.#train(1);
  }

  /** Goes on with a run that was made of the one there is, which is kept. */
  adopt(experiment: ExperimentLike, kind: RunKind): void {
    const { created, diverged, irreducibleLoss, loss, metrics, metricsHistory } = this;
    const { stepsDone, trainingSeconds } = this;
    const config = this.#config;
    if (this.#closed || !this.#experiment || !config) {
      experiment.dispose();
      return;
    }
    this.#earlier.push({
      experiment: this.#experiment,
      phase: this.phase,
      measuredAtRest: this.#measuredAtRest,
      shown: {
        created,
        diverged,
        irreducibleLoss,
        kind: this.kind,
        loss,
        metrics,
        metricsHistory,
        stepsDone,
        trainingSeconds,
      },
    });
    this.#experiment = experiment;
    this.#begin(config, kind);
    this.#changeRun();
  }

  /** Back to the run that this one was made of. */
  goBack(): void {
    const before = this.#earlier.pop();
    if (!before || !this.#config) return;
    this.#experiment?.dispose();
    this.#experiment = before.experiment;
    this.#begin(this.#config, before.shown.kind);
    Object.assign(this, before.shown);
    this.#measuredAtRest = before.measuredAtRest;
    this.#setPhase(before.phase);
    this.#changeRun();
  }

  /** Takes effect within a slice of the engine's work. */
  pause(): void {
    this.heldBack = false;
    this.#pause();
  }

  /** `watched`: somebody can see the figure. `goesOn`: training does not need that. */
  watch(watched: boolean, goesOn: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    if (!watched && !goesOn && this.phase === 'training') {
      this.heldBack = true;
      this.#pause();
    }
    if (watched) {
      if (this.heldBack) {
        this.heldBack = false;
        this.train(this.#trainUntil);
      }
      if (this.#learnedIsOld()) void this.#refreshLearned();
      this.#measureAtRest();
    } else if (this.phase !== 'training') {
      // What nobody looks at is not measured; it will be when somebody does.
      this.#metricsLife = renew(this.#metricsLife);
    }
  }

  /** Asks for the map of the difference at t; of the maps asked for meanwhile only the last is made. */
  wantDifference(t: number): void {
    this.#differenceWish = t;
    this.#serveDifference();
  }

  /** A new engine after a crash; every figure of the page then makes its experiment again. */
  restart(): void {
    this.#engine.restart();
  }

  /** Lets the experiment go. The session cannot be used afterwards. */
  close(): void {
    this.#closed = true;
    this.#endLife();
    this.#engine.removeEventListener('crash', this.#onCrash);
    this.#engine.removeEventListener('restart', this.#onRestart);
    this.#forgetEarlier();
    this.#experiment?.dispose();
    this.#experiment = null;
  }

  // --- The experiment

  async #apply(state: State, discardFor: boolean | OpenedRun): Promise<readonly Problem[]> {
    const config = experimentConfigOf(state);
    const sampler = samplerConfigOf(state, 'exact');
    const newModel = discardFor || !this.#experiment || !sameRun(config, this.#config);
    const newTarget = !this.exact || !sameTarget(config, this.#config);
    const newSampler = !same(sampler, this.#sampler) || state.showArrows !== this.#arrows;
    const newDensity = newTarget || !sameDensity(sampler, this.#sampler);
    if (this.#closed) return [];
    if (newModel) {
      const problems = await this.#recreate(config, discardFor);
      if (problems) return problems;
    }
    if (!newModel && !newSampler) return [];
    this.#sampler = sampler;
    this.#arrows = state.showArrows;
    this.#samplerLife = renew(this.#samplerLife);
    this.#metricsLife = renew(this.#metricsLife);
    void this.#refreshAll(newTarget || newSampler, newDensity);
    return [];
  }

  /** Returns the engine's problems, or null when the new experiment is there. */
  async #recreate(
    config: ExperimentConfig,
    discardFor: boolean | OpenedRun,
  ): Promise<readonly Problem[] | null> {
    const opened = discardFor === true || !discardFor ? null : discardFor;
    try {
      if (opened) {
        this.#experiment?.dispose();
        this.#experiment = opened.experiment;
      } else if (this.#experiment) {
        await this.#experiment.recreate(config);
      } else {
        const experiment = await this.#engine.createExperiment(config);
        if (this.#closed) experiment.dispose();
        else this.#experiment = experiment;
      }
    } catch (thrown) {
      // An engine that had stopped before this figure came does not say so again.
      if (this.#engine.status === 'crashed' && this.phase !== 'error') this.#onCrash();
      return problemsOf(thrown);
    }
    if (this.#closed) return [];
    this.#forgetEarlier();
    this.#begin(config, firstRun, opened?.trained);
    return null;
  }

  /** All that is known of a run is that it is there, and how far. */
  #begin(config: ExperimentConfig, kind: RunKind, trained?: Trained): void {
    this.#life = renew(this.#life);
    // The cloud of the run before stands until the new one is there, but not under another name.
    if (trained || !same(config.method, this.#config?.method ?? null)) this.learned = null;
    this.created = this.#experiment?.created ?? null;
    this.kind = kind;
    this.#config = config;
    this.stepsDone = 0;
    this.stepsTotal = config.steps;
    this.trainingSeconds = 0;
    this.diverged = false;
    this.stopped = null;
    this.heldBack = false;
    this.error = null;
    this.loss = new LossHistory(trained?.stepsDone);
    this.metrics = null;
    this.#measuredAtRest = null;
    this.metricsHistory = [];
    this.difference = null;
    this.#differenceFor = null;
    this.irreducibleLoss = null;
    this.#rate.reset();
    if (trained) this.#onTrained(trained);
    else this.#setPhase(this.exact ? 'flowing' : 'loading');
  }

  /** Another run has other fields: the exact one as well, whose schedule may be another. */
  #changeRun(): void {
    this.#samplerLife = renew(this.#samplerLife);
    this.#metricsLife = renew(this.#metricsLife);
    void this.#refreshAll(true, true);
  }

  #forgetEarlier(): void {
    for (const { experiment } of this.#earlier.splice(0)) experiment.dispose();
  }

  #endLife(): void {
    this.#life.abort();
    this.#samplerLife.abort();
    this.#metricsLife.abort();
  }

  readonly #onCrash = (): void => {
    this.#endLife();
    this.#earlier = [];
    this.#experiment = null;
    this.error = this.#engine.error;
    this.#setPhase('error');
  };

  readonly #onRestart = (): void => {
    this.error = null;
    this.#setPhase(this.exact ? 'flowing' : 'loading');
    if (this.#wanted) void this.apply(this.#wanted);
  };

  #setPhase(phase: Phase): void {
    this.phase = phase;
    if (!this.#closed) this.#changed('phase');
  }

  // --- Clips

  /** The exact field first: the reader waits for it. */
  async #refreshAll(newExact: boolean, newDensity: boolean): Promise<void> {
    if (newExact) await this.#refreshExact();
    if (newDensity) void this.#refreshDensity();
    void this.#refreshLearned();
    if (this.irreducibleLoss === null) void this.#refreshIrreducibleLoss();
    this.#measureAtRest();
  }

  /** A student has learned one Euler step, and its field has no other. */
  #samplerOf(sampler: SamplerConfig, field: FieldName): SamplerConfig {
    const oneStep = field === 'learned' && this.kind.student;
    return { ...sampler, field, ...(oneStep ? { solver: 'euler', steps: 1 } : {}) };
  }

  async #flow(field: FieldName): Promise<FlowClip | null> {
    if (!this.#experiment || !this.#sampler) return null;
    const sampler = this.#samplerOf(this.#sampler, field);
    // The one that moves already takes most of a processor to draw.
    const drawsMuch = this.exact !== null && sampler.particles > hazeFrom;
    return await this.#experiment.flow(sampler, framesFor(sampler.particles), {
      signal: this.#samplerLife.signal,
      spareThreads: drawsMuch ? 1 : 0,
      ...(this.#arrows ? { arrows: this.arrowGrid } : {}),
    });
  }

  async #refreshExact(): Promise<void> {
    const clip = await this.#unlessStale(this.#flow('exact'));
    if (!clip) return;
    this.exact = takeOver(this.exact, clip, this.arrowGrid);
    if (this.phase === 'loading') this.#setPhase('flowing');
    this.#changed('clips');
  }

  /** One at a time; what is asked for meanwhile is made once, afterwards. */
  async #refreshLearned(): Promise<void> {
    this.#learnedWanted = true;
    if (this.#learnedBusy) return;
    this.#learnedBusy = true;
    while (this.#takeLearnedWish()) {
      const clip = await this.#unlessStale(this.#flow('learned'));
      if (!clip) continue;
      this.learned = takeOver(this.learned, clip, this.arrowGrid);
      this.#learnedAt = performance.now() + restAfter(clip, clipShare);
      this.#changed('clips');
    }
    this.#learnedBusy = false;
  }

  #takeLearnedWish(): boolean {
    const wanted = this.#learnedWanted && !this.#closed;
    this.#learnedWanted = false;
    return wanted;
  }

  #learnedIsOld(): boolean {
    return this.learned?.clip.stepsDone !== this.stepsDone;
  }

  async #refreshDensity(): Promise<void> {
    if (!this.#experiment) return;
    const grid = mapGrid(this.half);
    const times = evenTimes(densityTimes);
    const { signal } = this.#life;
    const sampler = this.#sampler;
    const field = sampler?.options;
    const values = await this.#unlessStale(
      this.#experiment.logDensity([...times], grid, { signal, field }),
    );
    // Of two that were asked for one after the other, what is chosen now.
    if (!values || !sampler || !sameDensity(sampler, this.#sampler)) return;
    this.density = { grid, times, values };
    this.#changed('density');
  }

  async #refreshIrreducibleLoss(): Promise<void> {
    if (!this.#experiment) return;
    const { signal } = this.#life;
    const known = this.#experiment.irreducibleLoss({ signal }).then((loss) => loss ?? NaN);
    const loss = await this.#unlessStale(known);
    if (loss === null) return;
    this.irreducibleLoss = loss;
    this.#changed('progress');
  }

  #serveDifference(): void {
    const experiment = this.#experiment;
    const clip = this.learned?.clip;
    const t = this.#differenceWish;
    if (!experiment || !clip || t === null || this.#differenceBusy || this.#closed) return;
    if (this.#differenceFor?.t === t && this.#differenceFor.clip === clip) return;
    this.#differenceBusy = true;
    this.#differenceFor = { t, clip };
    void this.#requestDifference(experiment, t);
  }

  async #requestDifference(experiment: ExperimentLike, t: number): Promise<void> {
    const grid = mapGrid(this.half);
    const field = this.#sampler?.options;
    const call = experiment.difference(t, grid, { signal: this.#life.signal, field });
    const result = await this.#unlessStale(call);
    if (result) {
      this.difference = { ...result, t, grid };
      this.#changed('difference');
    }
    const pause = this.phase === 'training' ? differencePauseWhileTraining : differencePause;
    setTimeout(() => {
      this.#differenceBusy = false;
      this.#serveDifference();
    }, pause);
  }

  // --- Training

  async #train(steps: number): Promise<void> {
    const experiment = this.#experiment;
    if (!experiment || this.phase === 'training' || this.diverged || steps < 1) return;
    if (this.stopped) return;
    this.#metricsLife = renew(this.#metricsLife);
    this.#rate.reset();
    this.#rate.record(performance.now() / 1000, this.stepsDone);
    this.#learnedAt = performance.now();
    this.#metricsAt = performance.now();
    this.#setPhase('training');
    const life = this.#life;
    const trained = await this.#unlessStale(
      experiment.train(steps, {
        signal: life.signal,
        onProgress: (progress) => {
          if (life === this.#life) this.#onProgress(progress);
        },
      }),
    );
    if (trained && life === this.#life) this.#onTrained(trained);
  }

  #onProgress(progress: TrainProgress): void {
    const now = performance.now();
    this.stepsDone = progress.stepsDone;
    this.stepsTotal = progress.stepsTotal;
    this.trainingSeconds += progress.seconds;
    this.loss.append(progress.losses);
    this.#rate.record(now / 1000, progress.stepsDone);
    if (now - this.#progressAt >= progressPause) {
      this.#progressAt = now;
      this.#changed('progress');
    }
    if (this.phase !== 'training') return;
    if (this.#watched && !this.#learnedBusy && now - this.#learnedAt >= clipPause) {
      void this.#refreshLearned();
    }
    if (!this.#metricsBusy && now - this.#metricsAt >= metricsPause) {
      void this.#measure(samplesWhileTraining);
    }
  }

  #onTrained(trained: Trained): void {
    this.stepsDone = trained.stepsDone;
    this.diverged = trained.reason === 'diverged';
    this.stopped = trained.stop ?? null;
    const ended = trained.reason === 'finished' || trained.reason === 'stopped';
    const finished = ended || this.stepsDone >= this.stepsTotal;
    this.#setPhase(finished && !this.diverged ? 'done' : 'paused');
    if (this.#watched || finished) void this.#refreshLearned();
    this.#measureAtRest();
  }

  #pause(): void {
    if (this.phase === 'training') void this.#unlessStale(this.#experiment?.pause());
  }

  /** The result; or null when it is not wanted any more, or the engine is gone, which its events tell. */
  async #unlessStale<T>(call: Promise<T> | undefined): Promise<T | null> {
    try {
      return (await call) ?? null;
    } catch (thrown) {
      if (codeOf(thrown) === undefined) throw thrown;
      const problems = problemsOf(thrown);
      if (problems.length > 0 && !this.#closed) {
        this.problems = problems;
        this.#changed('problems');
      }
      return null;
    }
  }

  // --- Measurements

  /** Measures well, once, when training rests and somebody is watching. */
  #measureAtRest(): void {
    if (this.stepsDone === 0 || this.phase === 'training' || !this.#watched) return;
    const known =
      this.#measuredAtRest?.stepsDone === this.stepsDone &&
      same(this.#measuredAtRest.sampler, this.#sampler);
    if (!known) void this.#measure(samplesAtRest);
  }

  async #measure(count: number): Promise<void> {
    const asked = this.#sampler;
    if (!this.#experiment || !asked) return;
    const { signal } = this.#metricsLife;
    this.#metricsBusy = true;
    try {
      const sampler = this.#samplerOf(asked, 'learned');
      const metrics = await this.#unlessStale(this.#experiment.metrics(sampler, count, { signal }));
      if (!metrics) return;
      this.#metricsAt = performance.now() + restAfter(metrics, metricsShare);
      this.metrics = metrics;
      const { stepsDone } = metrics;
      this.#measuredAtRest = count === samplesAtRest ? { stepsDone, sampler: asked } : null;
      if (count === samplesWhileTraining) this.metricsHistory = [...this.metricsHistory, metrics];
      this.#changed('metrics');
    } finally {
      this.#metricsBusy = false;
    }
  }
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as Partial<EngineError> | null)?.code;
}

/** What a request was refused for; any other failure is told by the engine's own events. */
function problemsOf(thrown: unknown): readonly Problem[] {
  return codeOf(thrown) === undefined ? [] : (thrown as EngineError).problems;
}

function renew(life: AbortController): AbortController {
  life.abort();
  return new AbortController();
}

/** The clip before is kept only where particles can glide from it: of a large cloud it is tens of megabytes. */
function takeOver(shown: Shown | null, clip: FlowClip, arrowGrid: Grid): Shown {
  const before = shown?.clip.positions.length === clip.positions.length ? shown.clip : null;
  return { clip, arrowGrid, previous: before, since: performance.now() };
}

/** Milliseconds to leave the engine to training after work that took `seconds`. */
function restAfter({ seconds }: { seconds: number }, share: number): number {
  return Math.min(longestPause, share * 1000 * seconds);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether the exact field is the same: the same data on the same schedule. */
function sameTarget(a: ExperimentConfig, b: ExperimentConfig | null): boolean {
  return b !== null && same(a.schedule, b.schedule) && sameEnds(a, b);
}

function sameRun(a: ExperimentConfig, b: ExperimentConfig | null): boolean {
  if (b === null) return false;
  const ends = { data: null, source: null };
  return same({ ...a, ...ends }, { ...b, ...ends }) && sameEnds(a, b);
}

/** Many points are the same object as long as they are the same. */
function sameEnds(a: Ends, b: Ends): boolean {
  const sameData = a.data === b.data || same(a.data, b.data);
  return sameData && (a.source === b.source || same(a.source, b.source));
}

/** Whether the exact density is the same: of the same class, under the same schedule. */
function sameDensity(a: SamplerConfig, b: SamplerConfig | null): boolean {
  if (b === null) return false;
  const sameClass = a.options.guidance.label === b.options.guidance.label;
  return sameClass && same(a.options.schedule, b.options.schedule);
}
