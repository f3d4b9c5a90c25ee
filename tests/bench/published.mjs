// npm run published: numbers that papers have printed, beside those of the same work done here.
//
//   npm run published -- [--cases c2ot-ot,nll-moons-0.1,...] [--seeds 3] [--json FILE]
//
// Each case is trained natively with every seed; the tables have the mean and the range over the seeds, the published
// number, and the floor: the same distance of fresh true points from others.

import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildFolder, buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, run, UserError } from '../../wasm/toolchain/steps.mjs';

/** W2 squared, from C2OT (arXiv 2503.10636), 8 gaussians to moons. */
const C2OT = {
  'c2ot-independent': { euler1: '6.232 ± 0.186', dopri5: '0.120 ± 0.045' },
  'c2ot-ot': { euler1: '0.072 ± 0.025', dopri5: '0.050 ± 0.040' },
};
/** W2 after 20 Euler steps, from DSBM (arXiv 2303.16852), table 2. */
const DSBM = {
  'fm-moons': '0.212 ± 0.025',
  'ot-moons': '0.111',
  'fm-s_curve': '',
  'ot-s_curve': '0.102',
  'fm-eight_gaussians': '',
  'ot-eight_gaussians': '0.253',
};

const square = (value) => value * value;
const same = (value) => value;

/** "0.12 (0.11 to 0.13)" of one number of all seeds. */
function spread(records, key, change = same, digits = 3) {
  const values = records.map((record) => change(record[key]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const text = mean.toFixed(digits);
  if (values.length === 1) return text;
  return `${text} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}

const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (heading, rows) =>
  [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n');

function tables(records) {
  const of = (name) => records.filter((record) => record.case === name);
  const rowsOf = (names, cells) =>
    names.filter((name) => of(name).length > 0).map((name) => [name, ...cells(name, of(name))]);
  const parts = [
    [
      [
        '8 gaussians → moons, W2 squared',
        'one Euler step',
        'published',
        'dopri5',
        'published',
        'floor',
      ],
      rowsOf(Object.keys(C2OT), (name, all) => [
        spread(all, 'euler1', square),
        C2OT[name].euler1,
        spread(all, 'dopri5', square),
        C2OT[name].dopri5,
        spread(all, 'floor', square),
      ]),
    ],
    [
      ['from N(0, I), W2', '20 Euler steps', 'published', 'dopri5', 'floor'],
      rowsOf(Object.keys(DSBM), (name, all) => [
        spread(all, 'euler20'),
        DSBM[name],
        spread(all, 'dopri5'),
        spread(all, 'floor'),
      ]),
    ],
    [
      ['negative log-likelihood, nats', 'learned', 'of the same points by the true density'],
      rowsOf(
        records
          .filter(({ nll }) => nll !== undefined)
          .map((record) => record.case)
          .filter((name, i, all) => all.indexOf(name) === i),
        (name, all) => [spread(all, 'nll'), spread(all, 'truth')],
      ),
    ],
  ];
  return parts.filter(([, rows]) => rows.length > 0).map(([heading, rows]) => table(heading, rows));
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string' },
      seeds: { type: 'string', default: '3' },
      json: { type: 'string' },
    },
  });
  const seeds = Number(values.seeds);
  if (!Number.isInteger(seeds) || seeds < 1) throw new UserError('--seeds: a whole number from 1');
  await setUp();
  await buildPreset('native-release', ['flowmatch_published']);
  const program = join(buildFolder('native-release'), 'tests/bench/flowmatch_published');
  const known = (await run(program, ['list'])).trim().split('\n');
  const cases = values.cases?.split(',') ?? known;
  const unknown = cases.find((name) => !known.includes(name));
  if (unknown) throw new UserError(`--cases: ${unknown} is none of ${known.join(', ')}`);
  const records = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const name of cases) {
      process.stderr.write(`${name}, seed ${seed}\n`);
      const line = await run(program, [name, String(seed), String(availableParallelism())]);
      records.push(JSON.parse(line));
    }
  }
  console.log(`${cpus()[0].model.trim()}, ${seeds} seeds: mean and range\n`);
  console.log(tables(records).join('\n\n'));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(records, null, 1)}\n`);
});
