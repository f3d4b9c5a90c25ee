/**
 * Decides which of the screen's frames are drawn: all of them as long as drawing is cheap, fewer where it is
 * dear, so that at least half of the main thread's time is left for the reader and for the engine's messages.
 */

/** Milliseconds of the main thread for each one of drawing. */
const share = 2;
/** A frame may come so many milliseconds early: screens do not tick exactly. */
const slack = 4;
/** How fast the estimate of the cost follows the last frame. */
const gain = 0.2;
/** No single hiccup counts for more. */
const worstCost = 60;

export class Pacer {
  #cost = 0;
  #next = -Infinity;

  /** Least milliseconds from one frame to the next, however cheap; 0: as the screen allows. */
  pause = 0;

  /** Whether a frame is due at wall time `now`, in milliseconds. */
  isDue(now: number): boolean {
    return now >= this.#next;
  }

  /** A frame was begun at `start`, and was drawn and painted at `end`. */
  record(start: number, end: number): void {
    const cost = Math.min(worstCost, Math.max(0, end - start));
    this.#cost += gain * (cost - this.#cost);
    this.#next = start + Math.max(share * this.#cost, this.pause) - slack;
  }
}

/** Calls back once the frame that is being made has been painted, as far as this thread has to do with it. */
export function afterPaint(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}
