// npm run quality: the README's table of results. Trains the blog's example with several seeds, natively and in
// Chromium, and prints for each the mean and the range over the seeds, beside the exact field and the floor.
//
//   npm run quality -- [--presets blog,blog_cond_ot,quick] [--seeds 10] [--only native|chromium] [--json FILE]
//
// Each number of a seed is the average of 4 comparisons of 10,000 generated with 10,000 fresh true samples, those
// of the exact field and of the floor of 64; the draws are the same in both places. All 10 seeds of all three presets take about an hour on two cores.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { BUILD, ROOT } from '../../wasm/toolchain/paths.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, run, UserError } from '../../wasm/toolchain/steps.mjs';
import { buildAll } from '../../web/build.mjs';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from '../e2e/chromium.mjs';

const PRESETS = ['blog', 'blog_cond_ot', 'quick'];
const COUNT = 10_000;
const DRAWS = 4;
const EXACT_DRAWS = 64;

/** The columns of the table: a heading, the key of a record, and the digits after the point. */
const COLUMNS = [
  ['loss, last 500', 'lossLast500', 2],
  ['sliced W2', 'slicedW2', 2],
  ['energy', 'energy', 4],
  ['within 3', 'withinThree', 3],
  ['least share', 'leastShare', 3],
  ['most share', 'mostShare', 3],
  ['seconds', 'seconds', 1],
];

/** Runs in the page: one seed of one preset, by the engine that the page itself uses. */
async function trainInPage({ preset, seed, count, draws, exactDraws }) {
  const { Engine, presets, experimentConfigOf, samplerConfigOf } = await import(location.href);
  const base = presets[preset === 'quick' ? 'quick' : 'blog'];
  const state = { ...base, seed, ...(preset === 'blog_cond_ot' ? { schedule: 'cond_ot' } : {}) };
  const engine = Engine.shared();
  const experiment = await engine.createExperiment(experimentConfigOf(state));
  const losses = [];
  let seconds = 0;
  const begin = performance.now();
  await experiment.train(state.steps, {
    onProgress: (progress) => {
      losses.push(...progress.losses);
      seconds += progress.seconds;
    },
  });
  const wall = (performance.now() - begin) / 1000;

  const evaluate = async (field, firstSeed, draws) => {
    const mean = {
      slicedW2: 0,
      slicedW2Floor: 0,
      energy: 0,
      energyFloor: 0,
      withinThree: 0,
    };
    const shares = new Array(state.components).fill(0);
    for (let draw = 0; draw < draws; draw++) {
      const sampler = { ...samplerConfigOf(state, field), seed: firstSeed + draw };
      const metrics = await experiment.metrics(sampler, count);
      mean.slicedW2 += metrics.slicedW2 / draws;
      mean.slicedW2Floor += metrics.slicedW2Floor / draws;
      mean.energy += metrics.energyDistance / draws;
      mean.energyFloor += metrics.energyDistanceFloor / draws;
      mean.withinThree += metrics.withinThree / draws;
      metrics.modeShares.forEach((share, k) => (shares[k] += share / draws));
    }
    return { ...mean, leastShare: Math.min(...shares), mostShare: Math.max(...shares) };
  };

  const last = losses.slice(-500);
  const record = {
    preset,
    seed,
    seconds,
    wall,
    tier: experiment.created.tier,
    lossLast500: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    ...(await evaluate('learned', 1000 + 10 * seed, draws)),
  };
  const records = [record];
  if (seed === 0) {
    const irreducibleLoss = await experiment.irreducibleLoss();
    const qualities = await evaluate('exact', 1000, exactDraws);
    records.unshift({ preset, seed: 'exact', irreducibleLoss, ...qualities });
  }
  experiment.dispose();
  return records;
}

async function inChromium(presets, seeds) {
  const { chromium } = await import('@playwright/test');
  const server = await serve({ root: join(ROOT, 'dist') });
  const browser = await chromium.launch(launchOptions(await setUpChromium()));
  try {
    const records = [];
    for (const preset of presets) {
      for (let seed = 0; seed < seeds; seed++) {
        const page = await browser.newPage();
        // The script itself, shown as text: a page of the site with no figure on it that would compute too.
        await page.goto(new URL('flowmatch.js', server.url).href);
        records.push(
          ...(await page.evaluate(trainInPage, {
            preset,
            seed,
            count: COUNT,
            draws: DRAWS,
            exactDraws: EXACT_DRAWS,
          })),
        );
        await page.close();
        process.stderr.write(`${JSON.stringify(records.at(-1))}\n`);
      }
    }
    return records;
  } finally {
    await browser.close();
    await server.close();
  }
}

async function natively(presets, seeds) {
  const program = join(BUILD, 'native', 'tests', 'bench', 'flowmatch_quality');
  const records = [];
  for (const preset of presets) {
    const output = await run(program, [preset, String(seeds)]);
    process.stderr.write(output);
    records.push(
      ...output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  }
  return records;
}

function range(records, key, digits) {
  const values = records.map((record) => record[key]).filter((value) => value !== undefined);
  if (values.length === 0) return '';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${mean.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

function table(results) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const lines = [
    row(['preset', 'where', ...COLUMNS.map(([heading]) => heading)]),
    row(['---', '---', ...COLUMNS.map(() => '---')]),
  ];
  for (const { where, preset, records } of results) {
    const exact = records.filter(({ seed }) => seed === 'exact');
    const trained = records.filter(({ seed }) => seed !== 'exact');
    const floor = exact.map((record) => ({
      lossLast500: record.irreducibleLoss,
      slicedW2: record.slicedW2Floor,
      energy: record.energyFloor,
    }));
    const cells = (part) => COLUMNS.map(([, key, digits]) => range(part, key, digits));
    lines.push(row([preset, 'floor', ...cells(floor)]));
    lines.push(row([preset, `${where}, exact field`, ...cells(exact)]));
    lines.push(row([preset, `${where}, ${trained.length} seeds`, ...cells(trained)]));
  }
  return lines.join('\n');
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      presets: { type: 'string', default: PRESETS.join(',') },
      seeds: { type: 'string', default: '10' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const presets = values.presets.split(',');
  const seeds = Number(values.seeds);
  const unknown = presets.find((preset) => !PRESETS.includes(preset));
  if (unknown !== undefined)
    throw new UserError(`--presets: ${unknown} is none of ${PRESETS.join(', ')}`);
  if (!Number.isInteger(seeds) || seeds < 1) throw new UserError('--seeds: a whole number from 1');
  if (values.only !== undefined && !['native', 'chromium'].includes(values.only)) {
    throw new UserError('--only: native or chromium');
  }

  await setUp();
  const results = [];
  const collect = (where, records) => {
    for (const preset of presets) {
      results.push({ where, preset, records: records.filter((r) => r.preset === preset) });
    }
  };
  if (values.only !== 'chromium') {
    await buildPreset('native-release', ['flowmatch_quality']);
    collect('native', await natively(presets, seeds));
  }
  if (values.only !== 'native') {
    await buildAll();
    collect('Chromium', await inChromium(presets, seeds));
  }
  const machine = cpus()[0]?.model ?? 'unknown';
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 1)}\n`);
  }
  console.log(`${machine}, ${cpus().length} processors\n\n${table(results)}`);
});
