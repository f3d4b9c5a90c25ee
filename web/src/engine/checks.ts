/**
 * What the worker checks of a request before any work: shapes, counts and times. The core checks the
 * configurations themselves (it knows their ranges); this keeps absurd sizes away from it.
 */
import { EngineError } from './errors';
import {
  maxFrames,
  maxResultNumbers,
  type ExperimentConfig,
  type Grid,
  type Problem,
} from './protocol';

/** Most columns or rows of a grid. */
export const maxGridSide = 1024;
/** Most weights times points of a training step, so that no step takes much longer than a tenth of a second. */
export const maxStepWork = 2 ** 29;

/**
 * A step cannot be interrupted: one that would take seconds is refused. A step of a likelihood's solver is up to four
 * evaluations, each with two derivatives beside it.
 */
export function checkStepWork({ batchSize, method }: ExperimentConfig, parameters: number): void {
  const evaluations = method && 'cnfSteps' in method ? 12 * method.cnfSteps : 1;
  const largest = Math.max(1, Math.floor(maxStepWork / parameters / evaluations));
  if (batchSize <= largest) return;
  const allowed = `at most ${largest.toLocaleString('en')} for a network of ${parameters.toLocaleString('en')} weights`;
  throw EngineError.refused([{ field: 'batchSize', value: String(batchSize), allowed }]);
}

/** Collects problems, then throws them all at once. */
export class Checks {
  readonly #problems: Problem[] = [];

  wholeNumber(field: string, value: unknown, min: number, max: number): void {
    const ok = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
    if (!ok) this.#add(field, value, `a whole number from ${String(min)} to ${String(max)}`);
  }

  numberBetween(field: string, value: unknown, min: number, max: number): void {
    const ok = typeof value === 'number' && value >= min && value <= max;
    if (!ok) this.#add(field, value, `a number from ${String(min)} to ${String(max)}`);
  }

  oneOf(field: string, value: unknown, choices: readonly string[]): void {
    if (!choices.includes(value as string)) {
      this.#add(field, value, `one of ${choices.join(', ')}`);
    }
  }

  times(field: string, times: readonly number[]): void {
    if (times.length < 1 || times.length > maxFrames + 1) {
      this.#add(`${field}.length`, times.length, `from 1 to ${String(maxFrames + 1)}`);
    }
    const wrong = times.findIndex((t) => !(t >= 0 && t <= 1));
    if (wrong >= 0) this.#add(`${field}[${String(wrong)}]`, times[wrong], 'a number from 0 to 1');
  }

  grid(field: string, grid: Grid): void {
    this.wholeNumber(`${field}.columns`, grid.columns, 1, maxGridSide);
    this.wholeNumber(`${field}.rows`, grid.rows, 1, maxGridSide);
    this.#interval(`${field}.xMin`, grid.xMin, grid.xMax);
    this.#interval(`${field}.yMin`, grid.yMin, grid.yMax);
  }

  /** `numbers` is how many float32 the result would hold; it says nothing when a factor of it is wrong. */
  resultSize(field: string, value: unknown, numbers: number): void {
    if (this.#problems.length > 0 || !(numbers > maxResultNumbers)) return;
    const most = maxResultNumbers.toLocaleString('en');
    const size = numbers.toLocaleString('en');
    this.#add(field, value, `less: a result of ${size} numbers is more than ${most}`);
  }

  #interval(field: string, from: number, to: number): void {
    if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
      this.#add(field, from, `finite and below its upper end, which is ${String(to)}`);
    }
  }

  #add(field: string, value: unknown, allowed: string): void {
    this.#problems.push({ field, value: String(value), allowed });
  }

  /** Throws an `invalid_config` error with every problem found, if there is any. */
  finish(): void {
    if (this.#problems.length > 0) throw EngineError.refused(this.#problems);
  }
}
