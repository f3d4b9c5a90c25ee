/** Something that is measured of a model again and again: roughly while it is trained, and well when it rests. */
import type { CallOptions } from '../engine/client';

const longestPause = 10_000;

/** What every measurement says of itself. */
export interface Measured {
  readonly stepsDone: number;
  readonly seconds: number;
}

/** How carefully each is done. */
export interface Cares<Care> {
  readonly roughly: Care;
  readonly well: Care;
}

/** One request is on its way at a time, and it is given up when its answer is not wanted any more. */
export class Follower<Care, T extends Measured> {
  latest: T | null = null;
  care: Care | null = null;
  readonly #cares: Cares<Care>;
  readonly #ask: (care: Care, options: CallOptions) => Promise<T>;
  readonly #answered: (care: Care) => void;
  #running: { care: Care; life: AbortController } | null = null;
  /** Milliseconds of pause for each one of computing, so that training keeps most of the engine's time. */
  readonly #pauseShare: number;
  #notBefore = 0;

  constructor(
    cares: Cares<Care>,
    ask: (care: Care, options: CallOptions) => Promise<T>,
    answered: (care: Care) => void,
    pauseShare = 6,
  ) {
    this.#cares = cares;
    this.#ask = ask;
    this.#answered = answered;
    this.#pauseShare = pauseShare;
  }

  /** Nothing that is known is of the model any more. */
  forget(): void {
    this.stop();
    this.latest = null;
    this.care = null;
    this.#notBefore = 0;
  }

  stop(): void {
    this.#running?.life.abort();
    this.#running = null;
  }

  /** Asks for what is not known yet of these weights. */
  follow(stepsDone: number, training: boolean): void {
    const { roughly, well } = this.#cares;
    const care = training ? roughly : well;
    // What would be found well is out of date before it is there.
    if (training && this.#running?.care === well) this.stop();
    const known = this.latest?.stepsDone === stepsDone && this.care === care;
    if (this.#running || known || (training && performance.now() < this.#notBefore)) return;
    const running = { care, life: new AbortController() };
    this.#running = running;
    this.#ask(care, { signal: running.life.signal }).then(
      (answer) => {
        if (this.#running !== running) return;
        this.#running = null;
        this.latest = answer;
        this.care = care;
        const pause = Math.min(longestPause, this.#pauseShare * 1000 * answer.seconds);
        this.#notBefore = performance.now() + pause;
        this.#answered(care);
      },
      (thrown: unknown) => {
        if (this.#running === running) this.#running = null;
        // Given up, or the engine is gone, which the session tells.
        if ((thrown as { code?: unknown } | null)?.code === undefined) throw thrown;
      },
    );
  }
}
