/** Whether anybody can see a figure: it is in or near the window, and the window is not hidden. */

/** How far outside the window a figure gets ready. */
const approachMargin = '50% 0px';
/** How far outside the window it already draws, so that it is there when it comes into sight. */
const sightMargin = '200px 0px';

export class Sight {
  readonly #element: Element;
  readonly #changed: (inSight: boolean) => void;
  readonly #approached: () => void;
  #near: IntersectionObserver | undefined;
  #window: IntersectionObserver | undefined;
  #onScreen = true;
  #inSight = true;

  /** `approached`: the reader has come near, told once after each `watch`. */
  constructor(element: Element, changed: (inSight: boolean) => void, approached: () => void) {
    this.#element = element;
    this.#changed = changed;
    this.#approached = approached;
  }

  get inSight(): boolean {
    return this.#inSight;
  }

  watch(): void {
    document.addEventListener('visibilitychange', this.#update);
    this.#near = new IntersectionObserver(
      (entries, observer) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        this.#approached();
      },
      { rootMargin: approachMargin },
    );
    this.#near.observe(this.#element);
    this.#window = new IntersectionObserver(
      (entries) => {
        this.#onScreen = entries.at(-1)?.isIntersecting ?? true;
        this.#update();
      },
      { rootMargin: sightMargin },
    );
    this.#window.observe(this.#element);
  }

  unwatch(): void {
    document.removeEventListener('visibilitychange', this.#update);
    this.#near?.disconnect();
    this.#window?.disconnect();
  }

  readonly #update = (): void => {
    const inSight = this.#onScreen && !document.hidden;
    if (inSight === this.#inSight) return;
    this.#inSight = inSight;
    this.#changed(inSight);
  };
}
