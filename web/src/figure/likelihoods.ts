/**
 * What the change of variables says of the learned field: the density that it gives at t = 1, while that is on
 * show, and how likely it makes fresh data. Both are followed roughly while training goes on, and found well when it
 * rests. One request of each is on its way at a time, and it is given up when its answer is not wanted any more.
 *
 * Not here: what is drawn of it (draw/learned-density-layer.ts) or written (controls/quality-table.ts).
 */
import type { DataConfig, DataLikelihood, LikelihoodConfig } from '../engine/protocol';
import { maximum, readField, type FieldMovie } from './data/field-movie';
import type { DensityMap } from './draw/learned-density-layer';
import { mapGrid } from './draw/geometry';
import { Follower } from './follower';
import type { ExperimentLike, Session } from './session';

/** How carefully: Runge-Kutta steps, at least, columns of the map, and samples. */
const roughly = { steps: 12, columns: 41, samples: 400 } as const;
const well = { steps: 25, columns: 61, samples: 2000 } as const;
type Care = typeof roughly | typeof well;
const cares = { roughly, well };

function learned(care: Care, session: Followed, probes: number): LikelihoodConfig {
  const { config, method, options } = session;
  // The field of a normalizing flow has a kink where one coupling ends and the next begins: a step is to end there.
  const layers = method && 'couplingLayers' in method ? method.couplingLayers : 1;
  const steps = layers * Math.ceil(care.steps / layers);
  const seed = config?.seed ?? 0;
  return { field: 'learned', options, solver: 'rk4', steps, tolerance: 1e-5, probes, seed };
}

/** Only asked for where there is one. */
function experimentOf({ experiment }: Followed): ExperimentLike {
  if (!experiment) throw new Error('a session without an experiment');
  return experiment;
}

/** What it reads of a session. */
export type Followed = Pick<
  Session,
  | 'experiment'
  | 'created'
  | 'config'
  | 'phase'
  | 'stepsDone'
  | 'half'
  | 'kind'
  | 'method'
  | 'options'
>;

export class Likelihoods {
  /** Those measured while training, in order. */
  history: readonly DataLikelihood[] = [];
  readonly #session: Followed;
  readonly #changed: () => void;
  readonly #density: Follower<Care, DensityMap>;
  readonly #data: Follower<Care, DataLikelihood>;
  /** Made anew with every model. */
  #created: Session['created'] = null;
  /** Of the class, guidance and schedule that are looked at. */
  #options: Followed['options'] | undefined;
  /** Of the estimate of the divergence; 0: it is exact. */
  #probes = 0;
  #exactIntegral: { movie: FieldMovie; value: number } | null = null;

  /** `changed` is called when there is something new to show. */
  constructor(session: Followed, changed: () => void) {
    this.#session = session;
    this.#changed = changed;
    this.#density = new Follower<Care, DensityMap>(
      cares,
      async (care, options) => {
        const grid = mapGrid(session.half, care.columns);
        return {
          ...(await experimentOf(session).density(
            learned(care, session, this.#probes),
            grid,
            options,
          )),
          grid,
        };
      },
      () => {
        this.#changed();
      },
    );
    this.#data = new Follower<Care, DataLikelihood>(
      cares,
      (care, options) => {
        const seed = session.config?.seed ?? 0;
        return experimentOf(session).dataLikelihood(
          learned(care, session, this.#probes),
          care.samples,
          seed,
          options,
        );
      },
      (care) => {
        const { latest } = this.#data;
        if (latest && care === roughly) this.history = [...this.history, latest];
        this.#changed();
      },
    );
  }

  get density(): DensityMap | null {
    return this.#density.latest;
  }

  get data(): DataLikelihood | null {
    return this.#data.latest;
  }

  /** Why the learned field gives no density, if it gives none. */
  get absence(): string | undefined {
    const { config, kind } = this.#session;
    // Its field is none but at t = 0.
    if (kind.student) return 'a student has none';
    return hasDensity(config?.source ?? null) ? undefined : 'none, as the source has none';
  }

  /** To be called whenever the session has changed, or what is on show. `watched`: somebody can see the figure. */
  update(watched: boolean, showsDensity: boolean, probes = 0): void {
    const { created, phase, stepsDone, options } = this.#session;
    const same =
      JSON.stringify(options) === JSON.stringify(this.#options) && probes === this.#probes;
    if (created !== this.#created || !same) {
      this.#created = created;
      this.#options = options;
      this.#probes = probes;
      this.#density.forget();
      this.#data.forget();
      this.history = [];
    }
    const training = phase === 'training';
    const { experiment } = this.#session;
    const possible = watched && experiment !== null && phase !== 'error' && !this.absence;
    if (possible && showsDensity) this.#density.follow(stepsDone, training);
    else this.#density.stop();
    // Of an untrained network it says nothing. Both are work for the whole engine, which is not fetched, nor kept
    // from training, for those who do not ask.
    if (possible && showsDensity && stepsDone > 0) this.#data.follow(stepsDone, training);
    else this.#data.stop();
  }

  close(): void {
    this.#density.stop();
    this.#data.stop();
  }

  /** Of the exact density over the window, by the same rule as that of the learned one. */
  exactIntegral(movie: FieldMovie): number {
    if (this.#exactIntegral?.movie !== movie) {
      this.#exactIntegral = { movie, value: integralAtEnd(movie) };
    }
    return this.#exactIntegral.value;
  }
}

/** Whether the core knows the density of a source, from which all likelihoods come. */
function hasDensity(source: DataConfig | null): boolean {
  if (source === null) return true;
  if ('points' in source) return source.smoothing > 0;
  return !('dataSet' in source && ['moons_torchdyn', 'pinwheel'].includes(source.dataSet));
}

/** The integral of the density at t = 1 over the movie's grid, each point standing for the cell around it. */
export function integralAtEnd(movie: FieldMovie): number {
  const { grid } = movie;
  const values = new Float32Array(grid.columns * grid.rows);
  readField(movie, 1, values);
  const peak = maximum(values);
  const sum = values.reduce((total, value) => total + Math.exp(value - peak), 0);
  const cell =
    ((grid.xMax - grid.xMin) / (grid.columns - 1)) * ((grid.yMax - grid.yMin) / (grid.rows - 1));
  return sum * Math.exp(peak) * cell;
}
