// A run in a file and out of it again, in the WebAssembly module itself: it goes on as if it had never stopped. The
// command `flowmatch`, where it is built, takes the page's files, and the page the command's.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Experiment, MainModule } from '#wasm';
import { BUILD } from '../../wasm/toolchain/paths.mjs';
import type { ExperimentConfig, RunState, StopMemory } from '../../web/src/engine/protocol';
import { checkpointParts } from '../../web/src/state/checkpoint';
import { classCount, experimentConfigOf } from '../../web/src/state/configs';
import { readCheckpoint } from '../../web/src/state/read-checkpoint';
import { readSafetensors } from '../../web/src/state/safetensors';
import { defaultState, type State } from '../../web/src/state/settings';
import { loadUnderNode } from './module';

const forever = Infinity;

const small: State = {
  ...defaultState,
  components: 3,
  radius: 4,
  hidden: [16, 8],
  batchSize: 64,
  learningRate: 0.01,
  steps: 60,
  seed: 5,
};

let wasm: MainModule;
beforeAll(async () => {
  wasm = await loadUnderNode('flowmatch');
});

function make(config: ExperimentConfig, module = wasm): Experiment {
  const { experiment, problems } = module.Experiment.create(config, 1);
  expect(problems).toEqual([]);
  if (!experiment) throw new Error('refused');
  return experiment;
}

/** Trains to the end, to that of a rule if there is one. */
function finish(experiment: Experiment, steps: number): Experiment {
  for (;;) {
    const before = experiment.stepsDone();
    experiment.train(steps - before, forever);
    if (experiment.stepsDone() === before) return experiment;
  }
}

/** The file that the page writes of an experiment. */
async function fileOf(experiment: Experiment, state: State): Promise<ArrayBuffer> {
  const config = experimentConfigOf(state);
  const { kind, count, scale, seed } = config.timeFeatures;
  const run = {
    state: experiment.state(),
    stop: config.stop ? (wasm.stopMemory(experiment) as StopMemory) : null,
    timeFrequencies: wasm.timeFrequencies(kind, count, scale, seed),
    version: wasm.version(),
  };
  return new Blob(checkpointParts(run, state)).arrayBuffer();
}

/** An experiment that goes on from there. */
function restored(config: ExperimentConfig, { state, stop }: RunState, module = wasm): Experiment {
  const experiment = make(config, module);
  expect(experiment.restore(state)).toEqual([]);
  if (stop) expect(module.restoreStop(experiment, stop)).toEqual([]);
  return experiment;
}

describe('a run that was saved', () => {
  const runs: readonly Partial<State>[] = [
    {},
    { emaDecay: 0, learningRateDecay: 'constant', weightDecay: 0.01 },
    { labels: true, coupling: 'ot', couplingBatches: 4 },
    { timeFeatures: 'fourier', timeFeatureCount: 8, timeFeatureSeed: 3 },
    { dataSet: 'mixture', mixture: '1_2_3_0.3_0.7_0.123 3_0_0_1.1_0.9_-0.77' },
    { dataSet: 'points', points: '1.23456789_2.5 -1_-1 0.001_2', smoothing: 0.1 },
    { source: 'moons', dataSet: 'checkerboard', prediction: 'x1', lossWeighting: 'velocity' },
    { method: 'cnf', cnfSolver: 'midpoint', cnfSteps: 3, dataSet: 'moons' },
    { method: 'normalizing_flow', couplingLayers: 3, maxLogScale: 1.5 },
  ];
  it.each(runs)('goes on as if it had never stopped: %j', async (change) => {
    const state: State = { ...small, ...change };
    const config = experimentConfigOf(state);
    const whole = finish(make(config), config.steps);
    // Not at the end of batches that are paired as one.
    const part = make(config);
    part.train(23, forever);
    const opened = readCheckpoint(await fileOf(part, state));
    const other = restored(opened.config, opened.run);
    expect(other.stateHash()).toBe(part.stateHash());
    expect(other.stepsDone()).toBe(23);
    expect(finish(other, config.steps).stateHash()).toBe(whole.stateHash());
    for (const experiment of [whole, part, other]) experiment.delete();
  });

  it('stops where its rule would have stopped it', async () => {
    // Measured every 4 steps; the mean loss falls at first, then wavers.
    const state: State = {
      ...small,
      steps: 4000,
      stopMetric: 'loss',
      stopEvery: 4,
      stopPatience: 6,
    };
    const config = experimentConfigOf(state);
    const whole = finish(make(config), config.steps);
    const last = whole.stepsDone();
    expect(last).toBeGreaterThan(30);
    expect(last).toBeLessThan(config.steps);
    const part = make(config);
    // In the middle of a measurement, and of the patience with it.
    part.train(last - 10, forever);
    const opened = readCheckpoint(await fileOf(part, state));
    expect(opened.run.stop).toMatchObject({ losses: (last - 10) % 4 });
    expect(opened.run.stop?.sinceBest).toBeGreaterThan(0);
    const other = finish(restored(opened.config, opened.run), config.steps);
    expect(other.stepsDone()).toBe(last);
    expect(other.stateHash()).toBe(whole.stateHash());
    expect(wasm.stopMemory(other)).toEqual(wasm.stopMemory(whole));
    // And what has stopped stays so.
    const ended = readCheckpoint(await fileOf(whole, state));
    const again = finish(restored(ended.config, ended.run), config.steps);
    expect(again.stepsDone()).toBe(last);
    for (const experiment of [whole, part, other, again]) experiment.delete();
  });

  it('of the small module goes on in the whole one', async () => {
    const basic = await loadUnderNode('flowmatch-basic');
    const config = experimentConfigOf(small);
    const part = make(config, basic);
    part.train(10, forever);
    const opened = readCheckpoint(await fileOf(part, small));
    const other = restored(opened.config, opened.run);
    expect(finish(other, config.steps).stateHash()).toBe(finish(part, config.steps).stateHash());
    other.delete();
    part.delete();
  });
});

describe('what a rule remembers', () => {
  it('is refused where it is not possible, and stays as it was', () => {
    const state: State = { ...small, stopMetric: 'loss', stopBelow: 0.1 };
    const experiment = make(experimentConfigOf(state));
    const before = wasm.stopMemory(experiment);
    expect(before).toMatchObject({ best: Infinity, last: Infinity, losses: 0, reason: 'none' });
    const wrong = { ...before, losses: -1, sinceBest: 0.5, best: NaN, reason: 'bored' };
    expect(wasm.restoreStop(experiment, wrong)).toMatchObject([
      { field: 'stop.losses' },
      { field: 'stop.sinceBest' },
      { field: 'stop.best' },
      { field: 'stop.reason' },
    ]);
    expect(wasm.stopMemory(experiment)).toEqual(before);
    experiment.delete();
  });
});

describe('the frequencies of time features', () => {
  it('are those of the command, to the bit', () => {
    const golden = readFileSync(join(import.meta.dirname, '../data/checkpoint.safetensors'));
    const { buffer, byteOffset, length } = golden;
    const { metadata } = readSafetensors(buffer.slice(byteOffset, byteOffset + length));
    const frequencies: unknown = JSON.parse(metadata.get('timeFrequencies') ?? '');
    expect(wasm.timeFrequencies('fourier', 4, 1, 9)).toEqual(frequencies);
  });

  it('are none of features that there are not', () => {
    expect(wasm.timeFrequencies('plain', 32, 1, 0)).toEqual([]);
    expect(wasm.timeFrequencies('square', 32, 1, 0)).toEqual([]);
    expect(wasm.timeFrequencies('fourier', 3, 1, 0)).toEqual([]);
    expect(wasm.timeFrequencies('fourier', 1e9, 1, 0)).toEqual([]);
  });
});

const command = join(BUILD, 'native/core/cli/flowmatch');

describe.skipIf(!existsSync(command))('the command', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'flowmatch-checkpoint-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const call = (...args: string[]): string =>
    execFileSync(command, [...args, '--quiet'], { cwd: folder, encoding: 'utf8' });

  const runs: readonly Partial<State>[] = [
    {},
    { labels: true, label: 1, guidance: 2, emaDecay: 0 },
    { timeFeatures: 'sinusoidal', timeFeatureCount: 8, source: 'rings', dataSet: 'moons' },
    { stopMetric: 'loss', stopEvery: 4, stopPatience: 50, dataSet: 'points', particles: 10 },
    { method: 'cnf', cnfSteps: 2 },
    { method: 'normalizing_flow', couplingLayers: 4, dataSet: 'pinwheel' },
  ];
  it.each(runs)(
    'takes what the page saves, and the page what it makes of it: %j',
    async (change) => {
      const state: State = { ...small, ...change };
      const part = make(experimentConfigOf(state));
      part.train(23, forever);
      writeFileSync(join(folder, 'page.safetensors'), new Uint8Array(await fileOf(part, state)));
      call('sample', 'page.safetensors', '--out', 'samples.npy');
      call('train', '--threads', '1', '--resume', 'page.safetensors', '--out', 'end.safetensors');
      const { buffer, byteOffset, length } = readFileSync(join(folder, 'end.safetensors'));
      const opened = readCheckpoint(buffer.slice(byteOffset, byteOffset + length));
      // The command writes the parameters of a set all out.
      expect(opened.config).toMatchObject(experimentConfigOf(state));
      expect(opened.problems).toEqual([]);
      expect(opened.run.state.stepsDone).toBe(60);
      const here = finish(part, 60).state().parameters;
      // Another processor's instructions round otherwise.
      const there = opened.run.state.parameters;
      const furthest = Math.max(...here.map((each, i) => Math.abs(each - (there[i] ?? NaN))));
      expect(furthest).toBeLessThan(1e-3);
      expect(classCount(opened.state)).toBe(classCount(state));
      part.delete();
    },
  );
});
