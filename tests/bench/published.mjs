// npm run published: numbers that papers have printed, beside those of the same work done here.
//
//   npm run published -- [--cases c2ot-ot,nll-moons-0.1,...] [--seeds 3] [--jobs 2] [--json FILE]
//
// Each case is trained natively with every seed, on one thread, as many at once as there are processors, and printed
// when it is done. A command that was stopped goes on where it was. The tables have the mean, the standard deviation
// and the range over the seeds, the published number, and the floor: the same distance of fresh true points from
// others. All numbers go to the JSON file, of all cases by default in results/ under the machine's name.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildFolder, buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { ROOT } from '../../wasm/toolchain/paths.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, run, sha256, UserError } from '../../wasm/toolchain/steps.mjs';

const square = (value) => value * value;
const same = (value) => value;

/** What is compared: a number of a case with a published one. `most` is what ours may be. */
const TABLES = [
  {
    title: '8 gaussians → moons, W2 squared',
    source: 'published (C2OT)',
    change: square,
    floor: ['floor', 'floor'],
    rows: [
      ['independent, one Euler step', 'c2ot-independent', 'euler1', '6.232 ± 0.186', 6.418],
      ['independent, dopri5', 'c2ot-independent', 'dopri5', '0.120 ± 0.045', 0.165],
      ['minibatch OT, one Euler step', 'c2ot-ot', 'euler1', '0.072 ± 0.025', 0.097],
      ['minibatch OT, dopri5', 'c2ot-ot', 'dopri5', '0.050 ± 0.040', 0.09],
    ],
  },
  {
    title: 'N(0, I) → set, 20 Euler steps, W2',
    source: 'published (DSBM)',
    change: same,
    floor: ['floor', 'floor'],
    rows: [
      ['moons, independent', 'fm-moons', 'euler20', '0.212 ± 0.025', 0.237],
      ['moons, minibatch OT', 'ot-moons', 'euler20', '0.111', 0.111],
      ['S-curve, independent', 'fm-s_curve', 'euler20', '', Infinity],
      ['S-curve, minibatch OT', 'ot-s_curve', 'euler20', '0.102', 0.102],
      ['8 gaussians, independent', 'fm-eight_gaussians', 'euler20', '', Infinity],
      ['8 gaussians, minibatch OT', 'ot-eight_gaussians', 'euler20', '0.253', 0.253],
    ],
  },
  {
    title: 'Negative log-likelihood, nats',
    source: 'entropy, the least possible',
    change: same,
    floor: ['the same points by the true density', 'truth'],
    rows: [
      ['checkerboard', 'nll-checkerboard', 'nll', '3.6765', 3.7265],
      ['8 gaussians, variance 0.1', 'nll-eight_gaussians', 'nll', '2.6147', 2.6647],
      ['moons, noise 0.05', 'nll-moons-0.05', 'nll', '0.301 ± 0.012', 0.401],
      ['moons, noise 0.1', 'nll-moons-0.1', 'nll', '1.021 ± 0.012', 1.121],
    ],
  },
];

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** "0.120 ± 0.010 (0.110 to 0.130)": mean, standard deviation and range. */
function spread(values) {
  const middle = mean(values);
  if (values.length === 1) return middle.toFixed(3);
  const deviation = Math.sqrt(
    values.reduce((sum, value) => sum + square(value - middle), 0) / (values.length - 1),
  );
  const range = `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;
  return `${middle.toFixed(3)} ± ${deviation.toFixed(3)} (${range})`;
}

function markdown(table, records) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const heading = [table.title, 'here', table.source, table.floor[0], 'met'];
  const lines = table.rows.flatMap(([text, name, key, published, most]) => {
    const all = records.filter((record) => record.case === name);
    if (all.length === 0) return [];
    const ours = all.map((record) => table.change(record[key]));
    const floors = all.map((record) => table.change(record[table.floor[1]]));
    const met = published === '' ? '' : mean(ours) <= most ? 'yes' : 'no';
    return [row([text, spread(ours), published, spread(floors), met])];
  });
  if (lines.length === 0) return [];
  return [[row(heading), row(heading.map(() => '---')), ...lines].join('\n')];
}

/** "AMD EPYC 7763 64-Core Processor" with 2 of them: "amd-epyc-2-processors", as the other results are named. */
function machineName() {
  const words = cpus()[0]
    .model.replaceAll(/\((R|TM)\)/gi, '')
    .split(/\s+/);
  return [...words.slice(0, 2), cpus().length, 'processors'].join('-').toLowerCase();
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string' },
      seeds: { type: 'string', default: '3' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'string' },
    },
  });
  const [seeds, jobs] = ['seeds', 'jobs'].map((name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1)
      throw new UserError(`--${name}: a whole number from 1`);
    return value;
  });
  await setUp();
  await buildPreset('native-release', ['flowmatch_published']);
  const program = join(buildFolder('native-release'), 'tests/bench/flowmatch_published');
  const known = (await run(program, ['list'])).trim().split('\n');
  const cases = values.cases?.split(',') ?? known;
  const unknown = cases.find((name) => !known.includes(name));
  if (unknown) throw new UserError(`--cases: ${unknown} is none of ${known.join(', ')}`);

  // What is done, until all is: of these recipes.
  const progress = join(buildFolder('native-release'), 'published.json');
  const recipes = sha256(readFileSync(join(ROOT, 'tests/bench/published.cpp')));
  const kept = existsSync(progress) ? JSON.parse(readFileSync(progress, 'utf8')) : {};
  const records = kept.recipes === recipes ? kept.records : [];
  const isDone = (name, seed) => records.some((each) => each.case === name && each.seed === seed);

  const waiting = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const name of cases) if (!isDone(name, seed)) waiting.push([name, seed]);
  }
  const begin = performance.now();
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const line = await run(program, next.map(String));
      process.stderr.write(line);
      records.push(JSON.parse(line));
      writeFileSync(progress, JSON.stringify({ recipes, records }));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const minutes = (performance.now() - begin) / 60_000;
  const wanted = records
    .filter((each) => cases.includes(each.case) && each.seed < seeds)
    .sort((a, b) => known.indexOf(a.case) - known.indexOf(b.case) || a.seed - b.seed);
  const processor = wanted.reduce((sum, each) => sum + each.seconds, 0) / 60;
  console.log(
    `${cpus()[0].model.trim()}, ${seeds} seeds: mean ± standard deviation (range); ` +
      `${minutes.toFixed(1)} minutes now, ${processor.toFixed(1)} of processor time in all\n`,
  );
  console.log(TABLES.flatMap((table) => markdown(table, wanted)).join('\n\n'));

  const isWhole = values.cases === undefined;
  const file =
    values.json ??
    (isWhole ? join(ROOT, `tests/bench/results/published-${machineName()}.json`) : undefined);
  if (file !== undefined) {
    const all = {
      date: new Date().toISOString().slice(0, 10),
      machine: cpus()[0].model.trim(),
      processors: cpus().length,
      records: wanted,
    };
    writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  }
  if (isWhole) rmSync(progress, { force: true });
});
