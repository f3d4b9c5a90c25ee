/**
 * The losses of a whole run in bounded memory, for the chart: the raw loss of every step while they are few,
 * the mean of neighbouring steps when they are many, and a smoothed line.
 */

/** Above this many points neighbours are merged in pairs. */
const defaultCapacity = 4096;

export interface LossSeries {
  /** The step at the end of each bin. */
  readonly steps: number[];
  /** Mean of the raw losses in each bin. */
  readonly raw: number[];
  readonly smoothed: number[];
  /** Steps in a bin: 1 as long as every step has its own point. */
  readonly stepsPerPoint: number;
}

export class LossHistory {
  readonly #capacity: number;
  #steps: number[] = [];
  #raw: number[] = [];
  #smoothed: number[] = [];
  #stepsPerPoint = 1;
  #partialSum = 0;
  #partialCount = 0;
  #stepsSeen: number;
  /** Exponentially weighted sum of the losses and of the weights: their ratio has no bias at the start. */
  #weightedSum = 0;
  #weights = 0;
  #last = NaN;

  /** `stepsBefore`: done where nobody kept their losses. */
  constructor(stepsBefore = 0, capacity = defaultCapacity) {
    this.#stepsSeen = stepsBefore;
    this.#capacity = capacity;
  }

  /** The last step that the history knows of. */
  get stepsSeen(): number {
    return this.#stepsSeen;
  }

  /** The raw loss of the last step. */
  get last(): number {
    return this.#last;
  }

  get lastSmoothed(): number {
    return this.#weights > 0 ? this.#weightedSum / this.#weights : NaN;
  }

  /** `losses` of the steps after those already seen. */
  append(losses: Iterable<number>): void {
    for (const loss of losses) {
      this.#stepsSeen++;
      this.#last = loss;
      if (!Number.isFinite(loss)) continue;
      // The memory grows with the run, to a fortieth of it: quick at the start, calm at the end.
      const memory = Math.min(Math.max(8, this.#stepsSeen / 40), 250);
      const keep = 1 - 1 / memory;
      this.#weightedSum = keep * this.#weightedSum + loss;
      this.#weights = keep * this.#weights + 1;
      this.#partialSum += loss;
      this.#partialCount++;
      if (this.#stepsSeen % this.#stepsPerPoint === 0) this.#closeBin();
    }
  }

  #closeBin(): void {
    if (this.#partialCount === 0) return;
    this.#steps.push(this.#stepsSeen);
    this.#raw.push(this.#partialSum / this.#partialCount);
    this.#smoothed.push(this.lastSmoothed);
    this.#partialSum = 0;
    this.#partialCount = 0;
    if (this.#raw.length > this.#capacity) this.#merge();
  }

  #merge(): void {
    const raw: number[] = [];
    const steps: number[] = [];
    const smoothed: number[] = [];
    let i = 0;
    for (; i + 1 < this.#raw.length; i += 2) {
      raw.push(((this.#raw[i] ?? 0) + (this.#raw[i + 1] ?? 0)) / 2);
      steps.push(this.#steps[i + 1] ?? 0);
      smoothed.push(this.#smoothed[i + 1] ?? 0);
    }
    // An odd one out goes back to the bin that is being filled.
    if (i < this.#raw.length) {
      this.#partialSum += (this.#raw[i] ?? 0) * this.#stepsPerPoint;
      this.#partialCount += this.#stepsPerPoint;
    }
    this.#raw = raw;
    this.#steps = steps;
    this.#smoothed = smoothed;
    this.#stepsPerPoint *= 2;
  }

  /** The arrays are the history's own: read them, do not keep or change them. */
  series(): LossSeries {
    return {
      steps: this.#steps,
      raw: this.#raw,
      smoothed: this.#smoothed,
      stepsPerPoint: this.#stepsPerPoint,
    };
  }
}

/**
 * The range of losses to show on a logarithmic axis: all but the rarest spikes, and the irreducible loss,
 * with a little room to either side.
 */
export function lossRange(
  raw: readonly number[],
  floor: number | null,
): [low: number, high: number] {
  const values = raw.filter((value) => Number.isFinite(value) && value > 0).sort((a, b) => a - b);
  const atShare = (share: number): number =>
    values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? NaN;
  let low = values.length > 0 ? atShare(0.002) : (floor ?? 1);
  let high = values.length > 0 ? atShare(0.995) : low * 10;
  if (floor !== null && floor > 0) {
    low = Math.min(low, floor);
    high = Math.max(high, floor);
  }
  if (high < low * 1.5) high = low * 1.5;
  const room = (high / low) ** 0.06;
  return [low / room, high * room];
}

/**
 * The range of losses in nats, of either sign, to show on a linear axis: all but the first and steepest of their
 * fall, which would leave no room for the rest, and the entropy that they fall to.
 */
export function natsRange(
  raw: readonly number[],
  entropy: number | null,
): [low: number, high: number] {
  const values = raw.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (entropy !== null) values.unshift(entropy);
  const low = Math.min(...values.slice(0, 2), Infinity);
  if (!Number.isFinite(low)) return [0, 10];
  const shown = values[Math.floor(0.96 * (values.length - 1))] ?? low;
  const high = Math.max(shown, low + 0.5);
  const room = 0.06 * (high - low);
  return [low - room, high + room];
}
