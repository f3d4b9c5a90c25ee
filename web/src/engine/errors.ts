/** The one kind of error that leaves the engine layer, on either side of the worker. */
import type { ErrorBody, ErrorCode, Problem } from './protocol';

export class EngineError extends Error {
  override readonly name = 'EngineError';

  constructor(
    /** Stable: what the program may decide by. */
    readonly code: ErrorCode,
    message: string,
    /** Every input that was refused, for `invalid_config`; empty for the others. */
    readonly problems: readonly Problem[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  static from(body: ErrorBody): EngineError {
    return new EngineError(body.code, body.message, body.problems);
  }

  static refused(problems: readonly Problem[]): EngineError {
    const sentences = problems.map(
      ({ field, value, allowed }) => `${field} is ${value}, but must be ${allowed}`,
    );
    return new EngineError('invalid_config', sentences.join('; '), problems);
  }

  /** As it travels in a message. */
  toBody(): ErrorBody {
    return { code: this.code, message: this.message, problems: [...this.problems] };
  }
}

/** The words of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
