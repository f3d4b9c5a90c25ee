/**
 * Starts an engine worker: the worker's script, the choice of a tier, its glue and its WebAssembly are all
 * fetched at once, because the reader waits for the last of them.
 *
 * Not here: what is said to the worker afterwards (client.ts).
 */
import { EngineError, messageOf } from './errors';
import type { FromWorker, Start, TierName, ToWorker } from './protocol';
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
  /** The message that sets it going, once all is fetched; rejects with `load_failed`. */
  start: Promise<{ tier: TierName; message: Start }>;
}

/** `failed` are builds that were tried and did not start. */
export type Launcher = (wanted: TierName | 'auto', failed: ReadonlySet<TierName>) => Launch;

/** The folder of the WebAssembly builds, relative to the worker's script: set by vite.config.ts. */
declare const __FLOWMATCH_WASM__: string;

/** One compilation for all workers of the page, also for one that replaces another. */
const compiled = new Map<string, Promise<WebAssembly.Module>>();

export const launch: Launcher = (wanted, failed) => {
  const script = new URL(workerUrl, import.meta.url);
  // The page may be elsewhere than its scripts: a post that embeds the figure.
  const sameOrigin = script.origin === location.origin;
  const tier = probe(sameOrigin).then((capabilities) =>
    chooseTier(
      availableTiers(capabilities).filter((name) => !failed.has(name)),
      wanted,
    ),
  );
  return { worker: startWorker(script, sameOrigin), start: prepare(tier, script) };
};

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

async function prepare(
  choice: Promise<TierName>,
  script: URL,
): Promise<{ tier: TierName; message: Start }> {
  const tier = await choice;
  const folder = new URL(`${__FLOWMATCH_WASM__}/${tier}/`, script);
  const glue = new URL('flowmatch.mjs', folder).href;
  preload(glue);
  const module = await compile(new URL('flowmatch.wasm', folder).href);
  return { tier, message: { kind: 'start', glue, module, threads: 0 } };
}

/** Only a hint: the worker that imports the script finds it in the cache. */
function preload(url: string): void {
  const link = document.createElement('link');
  link.rel = 'modulepreload';
  link.href = url;
  link.onload = link.onerror = () => {
    link.remove();
  };
  document.head.append(link);
}

function compile(url: string): Promise<WebAssembly.Module> {
  let module = compiled.get(url);
  if (!module) {
    module = fetchAndCompile(url);
    compiled.set(url, module);
    // A failure may pass: the next attempt fetches again.
    module.catch(() => compiled.delete(url));
  }
  return module;
}

async function fetchAndCompile(url: string): Promise<WebAssembly.Module> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${String(response.status)}`);
    // Compiling while it arrives asks for the right type, which not every static host sends.
    const type = response.headers.get('content-type') ?? '';
    return type.startsWith('application/wasm')
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (thrown) {
    throw new EngineError(
      'load_failed',
      `The engine could not be fetched from ${url}: ${messageOf(thrown)}.`,
      [],
      { cause: thrown },
    );
  }
}
