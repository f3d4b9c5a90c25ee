/** How fast training goes, as the reader's watch has it: steps over the last seconds, drawing and measuring included. */

/** Seconds of the past that count. */
const memorySeconds = 2;

interface Mark {
  readonly seconds: number;
  readonly steps: number;
}

export class RateMeter {
  #marks: Mark[] = [];

  /** `steps` are done at wall time `seconds`. */
  record(seconds: number, steps: number): void {
    this.#marks.push({ seconds, steps });
    while (this.#marks.length > 2 && seconds - (this.#marks[1]?.seconds ?? 0) > memorySeconds) {
      this.#marks.shift();
    }
  }

  /** After a pause, what went before says nothing. */
  reset(): void {
    this.#marks = [];
  }

  /** Steps a second; not a number until two moments are known. */
  get stepsPerSecond(): number {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    if (!first || !last || last.seconds <= first.seconds) return NaN;
    return (last.steps - first.steps) / (last.seconds - first.seconds);
  }
}
