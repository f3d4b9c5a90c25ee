/** Says the summary of a figure: not more often than it can be heard, and nothing twice. */

/** Milliseconds between two summaries. */
const pause = 4000;

export class Announcer {
  readonly #compose: () => string;
  readonly #said: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #text = '';

  /** `compose` makes the summary of this moment; `said` is called when there is a new one. */
  constructor(compose: () => string, said: () => void) {
    this.#compose = compose;
    this.#said = said;
  }

  get text(): string {
    return this.#text;
  }

  /** Something may have changed. */
  soon(): void {
    this.#timer ??= setTimeout(this.#say, pause);
  }

  /** Something has changed that the reader should know. */
  now(): void {
    this.stop();
    this.#timer = setTimeout(this.#say, 0);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #say = (): void => {
    this.#timer = undefined;
    const text = this.#compose();
    if (text === this.#text) return;
    this.#text = text;
    this.#said();
  };
}
