/**
 * Starts an engine worker: the worker's script, its glue and its WebAssembly are all fetched at once,
 * because the reader waits for the last of them. The worker does everything else, so that it is not kept
 * waiting by a page that is busy with its elements.
 *
 * Not here: what is said to the worker afterwards (client.ts).
 */
import { fetching } from './fetching';
import type { FromWorker, ModuleFiles, Start, TierName, ToWorker } from './protocol';
import { availableTiers, chooseTier, probe } from './tier';
import workerUrl from './worker?worker&url';

/** The part of a Worker that the client uses: small enough for a test to stand in for. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: ToWorker): void;
  terminate(): void;
}

export interface Launch {
  worker: WorkerLike;
  /** The message that sets it going; rejects with `load_failed`. */
  start: Promise<{ tier: TierName; message: Start }>;
}

/** `failed` are builds that were tried and did not start. */
export type Launcher = (wanted: TierName | 'auto', failed: ReadonlySet<TierName>) => Launch;

/** The folder of the WebAssembly builds, relative to the worker's script: set by vite.config.ts. */
declare const __FLOWMATCH_WASM__: string;

export const launch: Launcher = (wanted, failed) => {
  const script = new URL(workerUrl, import.meta.url);
  // The page may be elsewhere than its scripts: a post that embeds the figure.
  const sameOrigin = script.origin === location.origin;
  const prepare = async () => {
    const available = availableTiers(await probe(sameOrigin)).filter((tier) => !failed.has(tier));
    const tier = chooseTier(available, wanted);
    const folder = new URL(`${__FLOWMATCH_WASM__}/${tier}/`, script);
    const files = (name: string): ModuleFiles => ({
      glue: new URL(`${name}.mjs`, folder).href,
      wasm: new URL(`${name}.wasm`, folder).href,
    });
    const basic = files('flowmatch-basic');
    warmCache(basic.glue);
    warmCache(basic.wasm);
    return {
      tier,
      message: { kind: 'start', basic, whole: files('flowmatch'), threads: 0 } as const,
    };
  };
  return { worker: startWorker(script, sameOrigin), start: prepare() };
};

/** While the worker's own script is fetched: the worker then finds these in the browser's cache. */
function warmCache(url: string): void {
  fetch(url, fetching)
    .then((response) => response.arrayBuffer())
    // The worker will meet the same failure, and report it.
    .catch(() => null);
}

function startWorker(script: URL, sameOrigin: boolean): WorkerLike {
  if (sameOrigin) return new Worker(script, { type: 'module' });
  // A worker's own script must be of the page's origin, but it may import another's.
  const source = `import ${JSON.stringify(script.href)};`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  // Not at once: the fetch of the script has only begun.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
  return worker;
}
