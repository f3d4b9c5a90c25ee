// npm run bench: what the core takes for its work, natively and in Chromium, on one thread and on two, beside the peak
// of the same machine in the same minutes, and beside what other libraries take for the same work.
//
//   npm run bench -- [--suites peak,step,sampling,kernels,scaling,coupling,generative,memory,page] [--rounds 5] [--milliseconds 400]
//                    [--only native,simd,relaxed,tensorflow-js,jax-js,pytorch] [--part TEXT] [--python 'COMMAND']
//                    [--json FILE]
//
// Every round measures each place in turn, so that a machine that is shared is slow for all of them alike; the table has
// the median over the rounds, and the share of the place's own peak, which is measured in every round too.
//
// With --part only the measurements with TEXT in their name are made; the other libraries make all of theirs.
//
// The other libraries do the suites step and sampling. PyTorch takes part when COMMAND, python3 unless said otherwise,
// imports torch; it may have arguments, such as 'chroot FOLDER python3'.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { ROOT } from '../../wasm/toolchain/paths.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, UserError } from '../../wasm/toolchain/steps.mjs';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from '../e2e/chromium.mjs';
import { measurePage, pageTable } from './page.mjs';
import { buildPlaces, ENGINE_NAMES, findPlaces, OWN_SUITES } from './places.mjs';
import { comparisonTable, memoryTable, suiteTable, summarise } from './tables.mjs';

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

function listOption(text, allowed, option) {
  const list = text.split(',');
  const unknown = list.find((each) => !allowed.includes(each));
  if (unknown !== undefined) {
    throw new UserError(`--${option}: ${unknown} is none of ${allowed.join(', ')}`);
  }
  return list;
}

/** The records of all rounds: every suite in every place that has it, one after the other. */
async function measureInTurns(places, suites, rounds, milliseconds, part) {
  const teller = await buildPlaces(places);
  return withChromium(async (browser) => {
    const networks = await teller.measure(browser, 'networks', milliseconds);
    const all = [];
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
      for (const suite of suites) {
        for (const place of places.filter((each) => each.suites.includes(suite))) {
          const measured = await place.measure({ ...browser, networks, part }, suite, milliseconds);
          all.push(...measured.map((record) => ({ place: place.name, ...record })));
        }
      }
    }
    return all;
  });
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      suites: { type: 'string', default: 'peak,step,sampling' },
      only: { type: 'string', default: ENGINE_NAMES.join(',') },
      rounds: { type: 'string', default: '5' },
      milliseconds: { type: 'string', default: '400' },
      part: { type: 'string', default: '' },
      python: { type: 'string', default: 'python3' },
      json: { type: 'string' },
    },
  });
  const asked = listOption(values.suites, [...OWN_SUITES, 'page'], 'suites');
  const suites = asked.filter((suite) => suite !== 'page');
  const engines = listOption(values.only, ENGINE_NAMES, 'only');
  const [rounds, milliseconds] = [Number(values.rounds), Number(values.milliseconds)];
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError('--rounds: a whole number from 1');
  if (!(milliseconds > 0)) throw new UserError('--milliseconds: a number above 0');

  await setUp();
  const places =
    suites.length > 0 ? findPlaces(engines, { python: values.python.trim().split(/\s+/) }) : [];
  const records =
    places.length > 0
      ? await measureInTurns(places, suites, rounds, milliseconds, values.part)
      : [];
  const summary = summarise(records);
  const page = asked.includes('page') ? await measurePage(rounds) : undefined;
  const machine = cpus()[0]?.model ?? 'unknown';
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, rounds, summary, page }, null, 1)}\n`);
  }
  console.log(`${machine}, ${cpus().length} processors, medians of ${rounds} rounds; in brackets`);
  console.log('the useful arithmetic as a share of what so many threads of that build could do\n');
  const tables = suites.map((suite) =>
    suite === 'memory' ? memoryTable(summary, places) : suiteTable(summary, places, suite),
  );
  for (const own of ['relaxed, two threads', 'native, two threads']) {
    tables.push(comparisonTable(summary, places, own));
  }
  if (page) tables.push(pageTable(page));
  console.log(tables.filter((table) => table !== undefined).join('\n\n'));
});
