/**
 * The engine's worker: loads the module, and lends the scheduler its thread, clock and port.
 *
 * Not here: the order of the work (scheduler.ts).
 */
import { EngineError, messageOf } from './errors';
import { loadModule } from './module';
import type { FromWorker, ModuleFiles, Request, Start, ToWorker } from './protocol';
import { Scheduler } from './scheduler';

/** The part of a dedicated worker's global scope that is used; the page's own types have no name for it. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}
const scope = self as unknown as WorkerScope;

let scheduler: Scheduler | undefined;
/** Requests that came before the module was there. */
const waiting: Request[] = [];

scope.onmessage = ({ data }) => {
  if (data.kind === 'start') {
    start(data).catch((thrown: unknown) => {
      stop(new EngineError('load_failed', messageOf(thrown)));
    });
  } else if (scheduler) {
    scheduler.receive(data);
  } else {
    waiting.push(data);
  }
};

async function start(message: Start): Promise<void> {
  const load = (files: ModuleFiles) =>
    loadModule(files, (what) => {
      stop(new EngineError('crashed', `The engine stopped: ${what}`));
    });
  const module = await load(message.basic);
  // A message to oneself comes behind the page's messages that wait: they are read first. A timer would
  // wait at least four milliseconds.
  const { port1, port2 } = new MessageChannel();
  const created = new Scheduler({
    module,
    loadWhole: async () => {
      const [whole, { wholeWork }] = await Promise.all([load(message.whole), loadWork()]);
      return { module: whole, work: wholeWork };
    },
    threads: message.threads,
    now: () => performance.now(),
    defer: () => {
      port2.postMessage(null);
    },
    post: (reply, transfer) => {
      scope.postMessage(reply, transfer);
    },
  });
  port1.onmessage = () => {
    created.tick();
  };
  scheduler = created;
  scope.postMessage({ type: 'ready', tier: module.tier() });
  for (const request of waiting.splice(0)) created.receive(request);
}

async function loadWork() {
  try {
    return await import('./whole-work');
  } catch (thrown) {
    throw new EngineError('load_failed', messageOf(thrown));
  }
}

function stop(error: EngineError): void {
  scope.postMessage({ type: 'failed', error: error.toBody() });
}
