// A stand-in for the engine's worker: the test reads what it was sent and answers as it likes.
import { Engine } from '../../web/src/engine/client';
import type { Launch, WorkerLike } from '../../web/src/engine/launch';
import type {
  Created,
  FromWorker,
  Reply,
  Request,
  RequestKind,
  Start,
  TierName,
  ToWorker,
} from '../../web/src/engine/protocol';

export const created: Created = {
  tier: { simd: 'simd128', threads: 1 },
  parameters: 8642,
  labels: 0,
  memoryBytes: 2 ** 24,
  whole: false,
  pairs: 0,
  reach: null,
};

export const start: Start = {
  kind: 'start',
  basic: {
    glue: 'https://example.test/wasm/simd/flowmatch-basic.mjs',
    wasm: 'https://example.test/wasm/simd/flowmatch-basic.wasm',
  },
  whole: {
    glue: 'https://example.test/wasm/simd/flowmatch.mjs',
    wasm: 'https://example.test/wasm/simd/flowmatch.wasm',
  },
  threads: 0,
};

export class FakeWorker implements WorkerLike {
  onmessage: WorkerLike['onmessage'] = null;
  onmessageerror: WorkerLike['onmessageerror'] = null;
  onerror: WorkerLike['onerror'] = null;
  terminated = false;
  readonly received: ToWorker[] = [];
  /** Refuses to take the next message, as a real one does with a function in it. */
  refuseNext = false;

  postMessage(message: ToWorker): void {
    if (this.terminated) throw new Error('message to a worker that is gone');
    if (this.refuseNext) {
      this.refuseNext = false;
      throw new DOMException('could not be cloned', 'DataCloneError');
    }
    this.received.push(message);
  }
  terminate(): void {
    this.terminated = true;
  }

  get requests(): Request[] {
    return this.received.filter((message): message is Request => message.kind !== 'start');
  }
  /** The last request of a kind. */
  last<K extends RequestKind>(kind: K): Extract<Request, { kind: K }> {
    const request = this.requests.findLast((message) => message.kind === kind);
    if (!request) throw new Error(`no request to ${kind}`);
    return request as Extract<Request, { kind: K }>;
  }

  says(message: FromWorker): void {
    this.onmessage?.({ data: message } as MessageEvent<FromWorker>);
  }
  ready(): void {
    this.says({ type: 'ready', tier: created.tier });
  }
  answers(kind: RequestKind, result: unknown): void {
    this.says({ type: 'result', id: this.last(kind).id, kind, result } as Reply);
  }
  throws(message?: string): void {
    this.onerror?.({ message } as ErrorEvent);
  }
}

/** An engine and the workers that it starts, oldest first. */
export function fakeEngine(
  change: {
    start?: (failed: ReadonlySet<TierName>) => Launch['start'];
    launch?: () => never;
    wanted?: TierName;
  } = {},
) {
  const workers: FakeWorker[] = [];
  const engine = new Engine(change.wanted ?? 'auto', (_wanted, failed) => {
    change.launch?.();
    const worker = new FakeWorker();
    workers.push(worker);
    return {
      worker,
      start: change.start?.(failed) ?? Promise.resolve({ tier: 'simd', message: start }),
    };
  });
  const worker = () => {
    const last = workers.at(-1);
    if (!last) throw new Error('no worker was started');
    return last;
  };
  return { engine, workers, worker };
}

/** Lets everything run that waits for a promise. */
export const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
