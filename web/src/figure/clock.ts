/**
 * The one clock of a figure: flow time t in [0, 1] as a function of wall time. Every view is drawn from the
 * same reading of it. It schedules nothing: the caller says what the time is.
 */

/** Seconds that one pass from noise to data takes at speed 1. */
const passSeconds = 4;
/** Rests of a loop at its ends, so that the eye can take in the noise and the data. */
const restAtNoise = 0.5;
const restAtData = 1.5;
const loopSeconds = restAtNoise + passSeconds + restAtData;

export interface Reading {
  readonly t: number;
  readonly playing: boolean;
}

export class Clock {
  /** Seconds of play since the loop's start, when the clock was last set. */
  #position: number;
  /** Wall time, in milliseconds, at which it was set; undefined while paused. */
  #setAt: number | undefined;
  #speed: number;
  #loop: boolean;

  constructor(options: { t?: number; speed?: number; loop?: boolean } = {}) {
    this.#position = positionOf(options.t ?? 0);
    this.#speed = options.speed ?? 1;
    this.#loop = options.loop ?? true;
  }

  /** The time at wall time `now` (milliseconds, as of performance.now()). */
  read(now: number): Reading {
    const position = this.#positionAt(now);
    const end = restAtNoise + passSeconds;
    const playing = this.#setAt !== undefined && (this.#loop || position < end);
    return { t: clamp01((position - restAtNoise) / passSeconds), playing };
  }

  /** From where it stands; from the start if it stands at the end. */
  play(now: number): void {
    const position = this.#positionAt(now);
    this.#position = position >= restAtNoise + passSeconds - 1e-6 ? 0 : position;
    this.#setAt = now;
  }

  pause(now: number): void {
    this.#position = this.#positionAt(now);
    this.#setAt = undefined;
  }

  /** Goes to t; goes on playing from there if it was playing. */
  seek(t: number, now: number): void {
    this.#position = positionOf(clamp01(t));
    if (this.#setAt !== undefined) this.#setAt = now;
  }

  setSpeed(speed: number, now: number): void {
    this.#rebase(now);
    this.#speed = speed;
  }

  setLoop(loop: boolean, now: number): void {
    this.#rebase(now);
    this.#loop = loop;
  }

  #rebase(now: number): void {
    this.#position = this.#positionAt(now);
    if (this.#setAt !== undefined) this.#setAt = now;
  }

  #positionAt(now: number): number {
    if (this.#setAt === undefined) return this.#position;
    const position = this.#position + (Math.max(0, now - this.#setAt) / 1000) * this.#speed;
    return this.#loop ? position % loopSeconds : Math.min(position, restAtNoise + passSeconds);
  }
}

/** Playing from t = 0 includes the rest at the noise; from any other t it goes on at once. */
function positionOf(t: number): number {
  return t <= 0 ? 0 : restAtNoise + t * passSeconds;
}

function clamp01(value: number): number {
  return Math.min(1, Math.max(0, value));
}
