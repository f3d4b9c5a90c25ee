// The places that work is measured in: our own builds, natively and in Chromium, and other libraries, each on one
// thread or two. A place has
//
//   name, engine, threads
//   suites    what it can measure
//   preset    for our own: the build
//   measure   ({ page, url, networks, part }, suite, milliseconds) => records, as bench.cpp prints them

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { buildFolder, buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { BUILD, NODE_BIN, ROOT } from '../../wasm/toolchain/paths.mjs';
import { hashOfFiles, once, probe, run, step } from '../../wasm/toolchain/steps.mjs';

const PROGRAM = 'tests/bench/flowmatch_bench';
const PEERS = join(ROOT, 'tests', 'bench', 'peers');

export const OWN_SUITES = [
  'peak',
  'step',
  'sampling',
  'kernels',
  'scaling',
  'coupling',
  'generative',
  'memory',
];
const PEER_SUITES = ['step', 'sampling'];

const threadsInWords = (threads) => (threads === 1 ? 'one thread' : 'two threads');

function recordsOf(output) {
  // What else there is are warnings of the interpreter's.
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line));
}

/** Runs in the page: what a module worker answers to its only request. */
function askWorkerInPage({ script, request }) {
  const worker = new Worker(script, { type: 'module' });
  const answer = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => resolve({ error: message || `${script} does not load` });
    worker.postMessage(request);
  });
  return answer.finally(() => worker.terminate());
}

async function askWorker({ page, url }, script, request) {
  const address = new URL(script, url).href;
  const answer = await page.evaluate(askWorkerInPage, { script: address, request });
  if (answer.error !== undefined) throw new Error(`${script}: ${answer.error}`);
  return answer.records;
}

/** The peak is the other measurements' yardstick: it is measured whatever part of them is asked for. */
function programArguments(suite, threads, milliseconds, part) {
  const args = [suite, String(threads), String(milliseconds)];
  return part && suite !== 'peak' ? [...args, part] : args;
}

function nativePlace(threads) {
  const preset = 'native-release';
  return {
    name: `native, ${threadsInWords(threads)}`,
    engine: 'native',
    threads,
    suites: OWN_SUITES,
    preset,
    async measure({ part }, suite, milliseconds) {
      const args = programArguments(suite, threads, milliseconds, part);
      return recordsOf(await run(join(buildFolder(preset), PROGRAM), args));
    },
  };
}

function wasmPlace(engine, threads) {
  const preset = `wasm-${engine}${threads > 1 ? '-threads' : ''}`;
  return {
    name: `${engine}, ${threadsInWords(threads)}`,
    engine,
    threads,
    suites: OWN_SUITES,
    preset,
    measure(browser, suite, milliseconds) {
      const folder = buildFolder(preset).slice(ROOT.length + 1);
      return askWorker(browser, 'tests/bench/wasm_worker.mjs', {
        program: new URL(`${folder}/${PROGRAM}.mjs`, browser.url).href,
        args: programArguments(suite, threads, milliseconds, browser.part),
      });
    },
  };
}

/** What a peer is asked to do: of sampling the blog's network alone, the others take it minutes. */
function peerRequest({ networks }, threads, suite, milliseconds) {
  const chosen = suite === 'sampling' ? networks.filter(({ name }) => name === 'blog') : networks;
  return { suite, threads, milliseconds, networks: chosen };
}

function javaScriptPlace({ engine, script, name, threads, variant, suites = PEER_SUITES }) {
  return {
    name,
    engine,
    threads,
    suites,
    measure(browser, suite, milliseconds) {
      const request = { ...peerRequest(browser, threads, suite, milliseconds), variant };
      return askWorker(browser, `${BUILD.slice(ROOT.length + 1)}/peers/${script}.js`, request);
    },
  };
}

const TENSORFLOW_JS = { engine: 'tensorflow-js', script: 'tensorflow_js', threads: 1 };

/** glibc gives the memory of large arrays back to the system at once, and asks for it again in every step. */
const TUNED_ALLOCATOR = {
  MALLOC_TRIM_THRESHOLD_: '1000000000',
  MALLOC_MMAP_THRESHOLD_: '1000000000',
};

function pytorchPlace(python, threads, tuned) {
  const [command, ...args] = python;
  const env = {
    OMP_NUM_THREADS: String(threads),
    // OpenBLAS's own threads beside those of OpenMP make it several times slower.
    OPENBLAS_NUM_THREADS: '1',
    OPENBLAS_CORETYPE: undefined,
    MALLOC_TRIM_THRESHOLD_: undefined,
    MALLOC_MMAP_THRESHOLD_: undefined,
    ...(tuned ? TUNED_ALLOCATOR : {}),
  };
  return {
    name: `PyTorch, ${threadsInWords(threads)}${tuned ? ', tuned allocator' : ''}`,
    engine: 'pytorch',
    threads,
    suites: PEER_SUITES,
    async measure(browser, suite, milliseconds) {
      const request = JSON.stringify(peerRequest(browser, threads, suite, milliseconds));
      const stdin = openSync(join(PEERS, 'pytorch.py'));
      try {
        return recordsOf(await run(command, [...args, '-', request], { env, stdin }));
      } finally {
        closeSync(stdin);
      }
    },
  };
}

function pytorchPlaces(python) {
  const [command, ...args] = python;
  if (probe(command, [...args, '-c', 'import torch']) === undefined) {
    console.log(`> without PyTorch: '${python.join(' ')}' does not import torch (see --python)`);
    return [];
  }
  return [1, 2].flatMap((threads) =>
    [false, true].map((tuned) => pytorchPlace(python, threads, tuned)),
  );
}

/** By the names that --only knows; each with what finds its places. */
const ENGINES = {
  native: () => [1, 2].map(nativePlace),
  simd: () => [1, 2].map((threads) => wasmPlace('simd', threads)),
  relaxed: () => [1, 2].map((threads) => wasmPlace('relaxed', threads)),
  'tensorflow-js': () => [
    javaScriptPlace({ ...TENSORFLOW_JS, name: 'TensorFlow.js' }),
    javaScriptPlace({
      ...TENSORFLOW_JS,
      engine: 'tensorflow-js-by-hand',
      name: 'TensorFlow.js, hand-written derivatives',
      variant: 'hand-written',
      suites: ['step'],
    }),
  ],
  'jax-js': () =>
    [1, 2].map((threads) =>
      javaScriptPlace({
        engine: 'jax-js',
        script: 'jax_js',
        name: `jax-js, ${threadsInWords(threads)}`,
        threads,
      }),
    ),
  pytorch: ({ python }) => pytorchPlaces(python),
};

export const ENGINE_NAMES = Object.keys(ENGINES);

/** The other libraries: as they are named to a reader, by their engine. */
export const PEER_NAMES = {
  'tensorflow-js': 'TensorFlow.js',
  'tensorflow-js-by-hand': 'TensorFlow.js, hand-written derivatives',
  'jax-js': 'jax-js',
  pytorch: 'PyTorch',
};

export function findPlaces(engines, options) {
  return engines.flatMap((engine) => ENGINES[engine](options));
}

/** Builds what the places need, and gives what says which networks there are: one of our own, itself built. */
export async function buildPlaces(places) {
  const teller = places.find(({ preset }) => preset !== undefined) ?? nativePlace(1);
  for (const preset of new Set([teller, ...places].map((place) => place.preset))) {
    if (preset !== undefined) await buildPreset(preset, ['flowmatch_bench']);
  }
  if (places.some(({ engine }) => /^(tensorflow|jax)-js/.test(engine))) {
    const key = hashOfFiles([PEERS, join(ROOT, 'package-lock.json')]);
    await once(join(BUILD, 'peers.stamp'), key, () =>
      step('bundling the JavaScript libraries', () =>
        run(join(NODE_BIN, 'vite'), ['build', PEERS]),
      ),
    );
  }
  return teller;
}
