// npm run bench: what the core takes for its work, natively and in Chromium, on one thread and on two, beside the peak
// of the same machine in the same minutes.
//
//   npm run bench -- [--suites peak,step,sampling,kernels,scaling,page] [--rounds 5] [--milliseconds 400]
//                    [--only native,simd,relaxed] [--json FILE]
//
// Every round measures each place in turn, so that a machine that is shared is slow for all of them alike; the table has
// the median over the rounds, and the share of the place's own peak, which is measured in every round too.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildFolder, buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { ROOT } from '../../wasm/toolchain/paths.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, run, UserError } from '../../wasm/toolchain/steps.mjs';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from '../e2e/chromium.mjs';
import { measurePage, pageTable } from './page.mjs';

const SUITES = ['peak', 'step', 'sampling', 'kernels', 'scaling'];
const ENGINES = ['native', 'simd', 'relaxed'];
const PROGRAM = 'tests/bench/flowmatch_bench';

/** The places that work is measured in: an engine with a number of threads, one name each. */
function placesOf(engines) {
  return engines.flatMap((engine) =>
    [1, 2].map((threads) => ({
      engine,
      threads,
      name: `${engine}, ${threads === 1 ? 'one thread' : 'two threads'}`,
      preset:
        engine === 'native' ? 'native-release' : `wasm-${engine}${threads > 1 ? '-threads' : ''}`,
    })),
  );
}

/** Runs in a page: one suite of one build, in a worker as the figure's engine is. */
function measureInPage({ program, args }) {
  const source = `onmessage = async ({ data: { program, args } }) => {
    const lines = [];
    const { default: start } = await import(program);
    await start({
      arguments: args,
      print: (line) => lines.push(line),
      onExit: (status) => postMessage({ status, lines }),
    });
  };`;
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(address, { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      worker.terminate();
      if (data.status === 0) resolve(data.lines);
      else reject(new Error(`the program ended with status ${data.status}`));
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ program, args });
  });
}

async function withChromium(work) {
  const { chromium } = await import('@playwright/test');
  const server = await serve({ root: ROOT });
  const browser = await chromium.launch(launchOptions(await setUpChromium()));
  try {
    const page = await browser.newPage();
    // Any file of the server's: a page with its headers, and nothing on it that computes.
    await page.goto(new URL('package.json', server.url).href);
    return await work({ page, url: server.url });
  } finally {
    await browser.close();
    await server.close();
  }
}

async function measure({ page, url }, place, suite, milliseconds) {
  const args = [suite, String(place.threads), String(milliseconds)];
  if (place.engine === 'native') {
    const output = await run(join(buildFolder(place.preset), PROGRAM), args);
    return output.trim().split('\n');
  }
  const folder = buildFolder(place.preset).slice(ROOT.length + 1);
  const program = new URL(`${folder}/${PROGRAM}.mjs`, url).href;
  return await page.evaluate(measureInPage, { program, args });
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The records of all rounds, one for each place, suite and name: their medians. */
function summarise(records) {
  const groups = new Map();
  for (const record of records) {
    const key = `${record.place} ${record.suite} ${record.name}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(record);
  }
  return [...groups.values()].map((group) => ({
    ...group[0],
    milliseconds: median(group.map((record) => record.milliseconds)),
    best: Math.min(...group.map((record) => record.best)),
  }));
}

function table(summary, places, suite) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const find = (place, name, of = suite) =>
    summary.find((each) => each.place === place.name && each.suite === of && each.name === name);
  const names = [
    ...new Set(summary.filter((each) => each.suite === suite).map(({ name }) => name)),
  ];
  const cell = (place, name) => {
    const record = find(place, name);
    if (!record) return '';
    const rate = record.operations / record.milliseconds / 1e6;
    const peak = find({ name: place.name }, 'multiply-add', 'peak');
    if (suite === 'peak') return `${rate.toFixed(0)} GFLOP/s`;
    const time = `${record.milliseconds.toPrecision(3)} ms`;
    if (record.operations === 0 || !peak) return time;
    const share = rate / (peak.operations / peak.milliseconds / 1e6) / place.threads;
    return `${time} (${(100 * share).toFixed(0)}%)`;
  };
  return [
    row([suite, ...places.map(({ name }) => name)]),
    row(['---', ...places.map(() => '---')]),
    ...names.map((name) => row([name, ...places.map((place) => cell(place, name))])),
  ].join('\n');
}

function listOption(text, allowed, option) {
  const list = text.split(',');
  const unknown = list.find((each) => !allowed.includes(each));
  if (unknown !== undefined) {
    throw new UserError(`--${option}: ${unknown} is none of ${allowed.join(', ')}`);
  }
  return list;
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      suites: { type: 'string', default: 'peak,step,sampling' },
      only: { type: 'string', default: ENGINES.join(',') },
      rounds: { type: 'string', default: '5' },
      milliseconds: { type: 'string', default: '400' },
      json: { type: 'string' },
    },
  });
  const asked = listOption(values.suites, [...SUITES, 'page'], 'suites');
  const suites = asked.filter((suite) => suite !== 'page');
  const places = suites.length > 0 ? placesOf(listOption(values.only, ENGINES, 'only')) : [];
  const [rounds, milliseconds] = [Number(values.rounds), Number(values.milliseconds)];
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError('--rounds: a whole number from 1');
  if (!(milliseconds > 0)) throw new UserError('--milliseconds: a number above 0');

  await setUp();
  for (const preset of new Set(places.map((place) => place.preset))) {
    await buildPreset(preset, ['flowmatch_bench']);
  }
  const records = await withChromium(async (browser) => {
    const all = [];
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
      for (const suite of suites) {
        for (const place of places) {
          const lines = await measure(browser, place, suite, milliseconds);
          all.push(...lines.map((line) => ({ place: place.name, ...JSON.parse(line) })));
        }
      }
    }
    return all;
  });
  const summary = summarise(records);
  const page = asked.includes('page') ? await measurePage(rounds) : undefined;
  const machine = cpus()[0]?.model ?? 'unknown';
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, rounds, summary, page }, null, 1)}\n`);
  }
  console.log(`${machine}, ${cpus().length} processors, medians of ${rounds} rounds; in brackets`);
  console.log('the useful arithmetic as a share of what so many threads of that build could do\n');
  const tables = suites.map((suite) => table(summary, places, suite));
  if (page) tables.push(pageTable(page));
  console.log(tables.join('\n\n'));
});
