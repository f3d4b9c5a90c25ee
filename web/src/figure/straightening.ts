/**
 * How straight the learned flow is, and runs that are straighter: each is trained on the own pairs of the one before,
 * where noise starts and where that one's flow takes it (reflow: Liu, Gong, Liu 2023, arXiv 2209.03003), or, as a
 * student for one Euler step, on their displacement at t = 0 alone. The run before is kept until it is let go.
 *
 * Not here: what the figure writes of it (controls/straighten-panel.ts, controls/quality-table.ts).
 */
import type { EngineError } from '../engine/client';
import type { Created, MethodConfig, Trajectories, TrajectoriesConfig } from '../engine/protocol';
import { describeProblem } from '../state/problems';
import { Follower } from './follower';
import type { RunKind, Session } from './session';

/** Pairs of a new run: as many as flowmatch train --reflow makes, each met some ten times in a usual run. */
export const ownPairs = 20_000;

/** How many trajectories are measured. */
const roughly = { count: 256 } as const;
const well = { count: 1024 } as const;
type Care = typeof roughly | typeof well;
/** Of the time of training this is to take a twentieth: it is seldom looked at then. */
const pauseShare = 20;

/** What it reads of a session, and does to it. */
export type Straightened = Pick<
  Session,
  | 'adopt'
  | 'before'
  | 'config'
  | 'created'
  | 'diverged'
  | 'experiment'
  | 'goBack'
  | 'kind'
  | 'method'
  | 'options'
  | 'phase'
  | 'sampler'
  | 'stepsDone'
  | 'train'
>;

/** What is known of a run. */
interface Known {
  readonly latest: Trajectories;
  /** While it was trained, in order. */
  readonly history: readonly Trajectories[];
}

/** A new run's pairs are on their way. */
export interface Making {
  readonly student: boolean;
  /** How much is done, in [0, 1]. */
  readonly share: number;
}

/** Why no new run can be made of the one there is. */
export type Obstacle = 'untrained' | 'training' | 'student' | 'diverged' | 'engine';

export class Straightening {
  /** Why the last new run could not be made. */
  refusal: string | null = null;
  readonly #session: Straightened;
  readonly #changed: () => void;
  readonly #follower: Follower<Care, Trajectories>;
  #known = new WeakMap<Created, Known>();
  /** What the measurements are of. */
  #created: Created | null = null;
  #options: Straightened['options'] | undefined;
  #asked = false;
  #making: (Making & { life: AbortController }) | null = null;

  /** `changed` is called when there is something new to show. */
  constructor(session: Straightened, changed: () => void) {
    this.#session = session;
    this.#changed = changed;
    this.#follower = new Follower<Care, Trajectories>(
      { roughly, well },
      async (care, call) => {
        const { experiment } = session;
        if (!experiment) throw new Error('a session without an experiment');
        return await experiment.trajectories(this.#config(care), call);
      },
      (care) => {
        const { latest } = this.#follower;
        if (latest) this.#remember(latest, care === roughly);
        this.#changed();
      },
      pauseShare,
    );
  }

  /** Of the run that there is; null where nothing is known, or where its ways mean nothing. */
  get latest(): Trajectories | null {
    return this.#meaningful ? (this.#knownOf(this.#session.created)?.latest ?? null) : null;
  }

  get history(): readonly Trajectories[] {
    return this.#meaningful ? (this.#knownOf(this.#session.created)?.history ?? []) : [];
  }

  /** Of the run that this one was made of. */
  get before(): Trajectories | null {
    return this.#meaningful ? (this.#knownOf(this.#session.before?.created)?.latest ?? null) : null;
  }

  get kind(): RunKind {
    return this.#session.kind;
  }

  get kindBefore(): RunKind | null {
    return this.#session.before?.kind ?? null;
  }

  /** Pairs that the run is trained on; 0: on the data. */
  get pairs(): number {
    return this.#session.created?.pairs ?? 0;
  }

  get making(): Making | null {
    return this.#making;
  }

  /** Whether it is measured without being asked for: nothing has to be fetched for it any more. */
  get measures(): boolean {
    const { created, before } = this.#session;
    return this.#asked || before !== null || (created?.whole ?? false);
  }

  /** Whether the cloud that is shown is moved by an SDE. */
  get stochastic(): boolean {
    const solver = this.#session.sampler?.solver;
    return solver === 'euler_maruyama' || solver === 'stochastic_heun';
  }

  /** How the first run is learned. */
  get method(): MethodConfig | null {
    return this.#session.method;
  }

  get obstacle(): Obstacle | null {
    const { diverged, experiment, kind, phase, stepsDone } = this.#session;
    if (!experiment || phase === 'error' || phase === 'loading') return 'engine';
    if (phase === 'training') return 'training';
    if (stepsDone === 0) return 'untrained';
    if (diverged) return 'diverged';
    return kind.student ? 'student' : null;
  }

  /** To be called whenever the session has changed. `watched`: somebody can see the figure. */
  update(watched: boolean): void {
    const { created, experiment, options, phase, stepsDone } = this.#session;
    if (JSON.stringify(options) !== JSON.stringify(this.#options)) {
      this.#options = options;
      this.#known = new WeakMap();
      this.#follower.forget();
    }
    if (created !== this.#created) {
      this.#created = created;
      this.refusal = null;
      this.#stopMaking();
      this.#follower.forget();
    }
    // Who trains on, or has no engine any more, wants no pairs of what there was.
    if (phase === 'training' || phase === 'error') this.#stopMaking();
    const possible = watched && experiment !== null && phase !== 'error' && stepsDone > 0;
    if (possible && this.measures && this.#meaningful && !this.#making) {
      this.#follower.follow(stepsDone, phase === 'training');
    } else {
      this.#follower.stop();
    }
  }

  /** From now on it is measured: the part of the engine that can is fetched. */
  measure(): void {
    this.#asked = true;
    this.#changed();
  }

  /** Makes the next run, and trains it. If that is cancelled or fails, the run there is stays as it is. */
  async straighten(student: boolean): Promise<void> {
    const { created, config, experiment, kind } = this.#session;
    if (this.#making || this.obstacle || !experiment || !created || !config) return;
    const life = new AbortController();
    const { signal } = life;
    this.#asked = true;
    this.refusal = null;
    this.#making = { student, share: 0, life };
    this.#changed();
    try {
      await this.#measureNow(signal);
      const { seed } = config;
      const next = await experiment.reflow(
        { pairs: ownPairs, seed, oneStep: student },
        {
          signal,
          onProgress: (share) => {
            if (this.#making?.life !== life) return;
            this.#making = { student, share, life };
            this.#changed();
          },
        },
      );
      if (signal.aborted) {
        next.dispose();
        return;
      }
      this.#making = null;
      const { rectified } = kind;
      const made: RunKind = student
        ? { rectified, student }
        : { rectified: rectified + 1, student };
      this.#session.adopt(next, made);
      this.#session.train();
    } catch (thrown) {
      this.#fail(life, thrown);
    }
  }

  cancel(): void {
    this.#stopMaking();
    this.#changed();
  }

  /** To the run that this one was made of, as it was. */
  goBack(): void {
    this.#session.goBack();
  }

  close(): void {
    this.#stopMaking();
    this.#follower.stop();
  }

  /** Not the ways of an SDE, nor those on which a normalizing flow is drawn from one coupling to the next. */
  get #meaningful(): boolean {
    return !this.stochastic && !(this.method && 'couplingLayers' in this.method);
  }

  #config({ count }: Care): TrajectoriesConfig {
    const { config, options } = this.#session;
    return { field: 'learned', options, count, seed: config?.seed ?? 0 };
  }

  #knownOf(created: Created | null | undefined): Known | undefined {
    return created ? this.#known.get(created) : undefined;
  }

  #remember(latest: Trajectories, inHistory: boolean): void {
    const { created } = this.#session;
    if (!created) return;
    const history = this.#knownOf(created)?.history ?? [];
    this.#known.set(created, { latest, history: inHistory ? [...history, latest] : history });
  }

  /** What the next run is to be compared with. */
  async #measureNow(signal: AbortSignal): Promise<void> {
    const { experiment, stepsDone } = this.#session;
    const known = this.latest?.stepsDone === stepsDone && this.latest.count === well.count;
    if (!experiment || known || !this.#meaningful) return;
    const latest = await experiment.trajectories(this.#config(well), { signal });
    if (!signal.aborted) this.#remember(latest, false);
  }

  #stopMaking(): void {
    this.#making?.life.abort();
    this.#making = null;
  }

  #fail(life: AbortController, thrown: unknown): void {
    const { code, message, problems } = thrown as Partial<EngineError>;
    if (code === undefined) throw thrown;
    if (this.#making?.life !== life) return;
    this.#making = null;
    const described = (problems ?? []).map(describeProblem);
    if (code !== 'cancelled') this.refusal = described.join(' ') || (message ?? '');
    this.#changed();
  }
}

/** "2-rectified flow"; "first run", "one-step student". */
export function nameOf({ rectified, student }: RunKind): string {
  if (student) return 'one-step student';
  return rectified === 1 ? 'first run' : `${String(rectified)}-rectified flow`;
}
