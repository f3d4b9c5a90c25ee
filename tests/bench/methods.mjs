// npm run methods: flow matching beside what it replaced, by the same data, batches and steps.
//
//   npm run methods -- [--sets ring,eight_gaussians,checkerboard] [--seeds 3] [--steps 5000] [--only TEXT]
//
// Each method is trained by the command `flowmatch`, as a reader would, on one thread, and evaluated with 10,000
// samples. The table has the time of a training step, measured while nothing else of this runs (`flowmatch bench`),
// how long the training took, and the mean and range over the seeds of how far the model is from the data.

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildFolder, buildPreset } from '../../wasm/toolchain/cmake.mjs';
import { setUp } from '../../wasm/toolchain/setup.mjs';
import { main, run, UserError } from '../../wasm/toolchain/steps.mjs';

/** With --only those with TEXT in their name. Of about as many weights each: 8,706 and 9,488. A normalizing flow needs no solver to be sampled. */
const METHODS = [
  {
    name: 'flow matching, 3-64-64-64-2',
    settings: ['method=flow_matching', 'hidden=[64,64,64]'],
  },
  {
    name: 'flow matching, the same with 20 times the steps',
    settings: ['method=flow_matching', 'hidden=[64,64,64]'],
    longer: 20,
  },
  {
    name: 'CNF, the same network, likelihood by 8 RK4 steps',
    settings: ['method=cnf', 'hidden=[64,64,64]', 'cnfSolver=rk4', 'cnfSteps=8'],
  },
  {
    name: 'normalizing flow, 8 couplings by 1-32-32-2',
    settings: ['method=normalizing_flow', 'hidden=[32,32]', 'couplingLayers=8'],
  },
];

const SETS = {
  ring: { name: 'eleven Gaussians on a circle', settings: [] },
  eight_gaussians: { name: '8 gaussians', settings: ['data.dataSet=eight_gaussians'] },
  checkerboard: { name: 'checkerboard', settings: ['data.dataSet=checkerboard'] },
};

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** "0.12 (0.11 to 0.14)"; of one value itself. */
function spread(values, digits) {
  const text = mean(values).toFixed(digits);
  if (values.length === 1) return text;
  return `${text} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}

const row = (cells) => `| ${cells.join(' | ')} |`;

await main(async () => {
  const { values } = parseArgs({
    options: {
      sets: { type: 'string', default: Object.keys(SETS).join(',') },
      seeds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '5000' },
      only: { type: 'string', default: '' },
    },
  });
  const sets = values.sets.split(',');
  const unknown = sets.find((name) => !(name in SETS));
  if (unknown !== undefined) {
    throw new UserError(`--sets: ${unknown} is none of ${Object.keys(SETS).join(', ')}`);
  }
  const [seeds, steps] = ['seeds', 'steps'].map((name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) {
      throw new UserError(`--${name}: a whole number from 1`);
    }
    return value;
  });
  await setUp();
  await buildPreset('native-release', ['flowmatch_command']);
  const command = join(buildFolder('native-release'), 'core/cli/flowmatch');
  const folder = mkdtempSync(join(tmpdir(), 'flowmatch-methods-'));
  const call = async (words, settings) =>
    run(command, [...words, '--json', '--threads', '1', ...settings.flatMap((s) => ['--set', s])]);

  /** One training of a method, and what came of it. */
  async function trained({ settings, longer = 1 }, set, seed) {
    const file = join(folder, 'run.safetensors');
    const sampler = ['sampler.solver=midpoint', 'sampler.steps=50'];
    const all = [...SETS[set].settings, ...settings, ...sampler, `steps=${String(longer * steps)}`];
    const begin = performance.now();
    const said = await call(['train', '--seed', String(seed), '--out', file], all);
    const seconds = (performance.now() - begin) / 1000;
    const end = JSON.parse(said.trim().split('\n').at(-1));
    if (end.diverged) throw new UserError(`${settings[0]} diverged on ${set}`);
    const { energyDistance, energyDistanceFloor, kl, entropy } = JSON.parse(
      await call(['eval', file, '--count', '10000', '--likelihood', '10000'], []),
    );
    return { seconds, energyDistance, energyDistanceFloor, kl, entropy };
  }

  try {
    // Told at the end: what takes long says how far it is in between.
    const tables = [`${cpus()[0].model.trim()}, one thread, ${seeds} seeds, ${steps} steps of 256`];
    for (const set of sets) {
      const heading = [SETS[set].name, 'ms a step', 'training, s', 'KL, nats', 'energy distance'];
      const lines = [row(heading), row(heading.map(() => '---'))];
      const floors = [];
      for (const method of METHODS.filter(({ name }) => name.includes(values.only))) {
        const all = [...SETS[set].settings, ...method.settings];
        const { millisecondsPerStep } = JSON.parse(await call(['bench', '--seconds', '2'], all));
        const runs = [];
        for (let seed = 1; seed <= seeds; seed++) runs.push(await trained(method, set, seed));
        floors.push(...runs.map((each) => each.energyDistanceFloor));
        const of = (key, digits) =>
          spread(
            runs.map((each) => each[key]),
            digits,
          );
        lines.push(
          row([
            method.name,
            millisecondsPerStep.toFixed(2),
            of('seconds', 1),
            of('kl', 3),
            of('energyDistance', 4),
          ]),
        );
        process.stderr.write(`${lines.at(-1)}\n`);
      }
      lines.push(row(['the floor', '', '', '0', mean(floors).toFixed(4)]));
      tables.push(lines.join('\n'));
    }
    console.log(`\n${tables.join('\n\n')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
