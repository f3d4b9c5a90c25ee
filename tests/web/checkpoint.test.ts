// Checkpoints: what is saved is opened again, number by number; what the command has written is opened as well; and
// what is damaged or cannot go on is refused with all that is wrong.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../web/src/engine/errors';
import type { ExperimentConfig, SavedRun, StopMemory } from '../../web/src/engine/protocol';
import { checkpointParts, parametersOf, sizeOf } from '../../web/src/state/checkpoint';
import { classCount, experimentConfigOf } from '../../web/src/state/configs';
import { presets } from '../../web/src/state/presets';
import { isSafetensors, readCheckpoint } from '../../web/src/state/read-checkpoint';
import { runConfigJson } from '../../web/src/state/run-config';
import { readSafetensors, safetensorsParts } from '../../web/src/state/safetensors';
import { defaultState, type State } from '../../web/src/state/settings';

const small: State = { ...defaultState, hidden: [5, 3], steps: 100 };

const measured: StopMemory = {
  lossSum: 1.25,
  losses: 3,
  last: NaN,
  best: Infinity,
  sinceBest: 2,
  reason: 'none',
};

/** A run in which every number is another one. */
function runOf(
  config: ExperimentConfig,
  classes: number,
  change: Partial<SavedRun> = {},
): SavedRun {
  const count = parametersOf(config, classes).reduce((sum, each) => sum + sizeOf(each), 0);
  const numbers = (from: number) => Float32Array.from({ length: count }, (_, i) => from + i / 7);
  return {
    state: {
      parameters: numbers(-20),
      ema: config.emaDecay > 0 ? numbers(1000) : new Float32Array(0),
      firstMoment: numbers(-3000),
      secondMoment: numbers(5000),
      stepsDone: 37,
      diverged: false,
    },
    stop: null,
    timeFrequencies: [],
    version: '1.2.3',
    ...change,
  };
}

async function fileOf(state: State, change: Partial<SavedRun> = {}): Promise<ArrayBuffer> {
  const config = experimentConfigOf(state);
  const classes = classCount(state);
  const run = runOf(config, classes, change);
  return new Blob(checkpointParts(run, state)).arrayBuffer();
}

function problemsOf(file: ArrayBuffer) {
  try {
    readCheckpoint(file);
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown.problems;
    throw thrown;
  }
  throw new Error('it was read');
}

/** The same file, but for some of its metadata or its tensors. */
function changed(
  file: ArrayBuffer,
  metadata: Record<string, string | undefined>,
  rename: (name: string) => string | null = (name) => name,
  of: (name: string, numbers: Float32Array<ArrayBuffer>) => void = () => undefined,
): Promise<ArrayBuffer> {
  const content = readSafetensors(file);
  const texts = Object.entries({ ...Object.fromEntries(content.metadata), ...metadata });
  const tensors = [...content.tensors.values()].flatMap(({ name, shape, bytes }) => {
    const numbers = new Float32Array(bytes.slice().buffer);
    of(name, numbers);
    const renamed = rename(name);
    return renamed === null ? [] : [{ name: renamed, shape, numbers }];
  });
  const there = texts.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new Blob(safetensorsParts(tensors, Object.fromEntries(there))).arrayBuffer();
}

describe('opening what was saved', () => {
  const states: readonly Partial<State>[] = [
    {},
    { emaDecay: 0 },
    { hidden: [] },
    { dataSet: 'rings', parameters: 'count_3 noise_0.2', labels: true },
    { labels: true, labelDropout: 0.5, coupling: 'ot', couplingBatches: 2 },
    { timeFeatures: 'fourier', timeFeatureCount: 6, timeFeatureSeed: 9 },
    { timeFeatures: 'sinusoidal', timeFeatureCount: 4, labels: true },
    { dataSet: 'mixture', mixture: '1_2_3_0.3_0.7_0.123 3_0_0_1.1_0.9_-0.77 1_1_1_0.1_3_0.9' },
    // Not rounded as points are that somebody pastes.
    { dataSet: 'points', points: '1.23456789_2.5_0 300_-4_1 0_0_0', smoothing: 0.25, labels: true },
    { source: 'points', sourcePoints: '1e-7_2.5 3_-4', sourceSmoothing: 0.5, dataSet: 'moons' },
    { source: 'mixture', sourceMixture: '1_2_3_2_0.5_0.5', prediction: 'x1' },
    { stopMetric: 'sliced_w2', stopBelow: 0.1, stopPatience: 2, stopEvery: 10, stopCount: 200 },
    { ...presets.blog, hidden: [4], schedule: 'vp', betaMin: 0.3, solver: 'dopri5' },
    { seed: Number.MAX_SAFE_INTEGER, weightDecay: 0.01, gradientClip: 1, warmupSteps: 5 },
  ];

  it.each(states)('brings the settings and every number back: %j', async (change) => {
    const state: State = { ...small, ...change };
    const stop = state.stopMetric === 'none' ? null : measured;
    const opened = readCheckpoint(await fileOf(state, { stop }));
    expect(opened.problems).toEqual([]);
    expect(opened.config).toEqual(experimentConfigOf(state));
    expect(runConfigJson(opened.state)).toBe(runConfigJson(state));
    const config = experimentConfigOf(state);
    expect(opened.run).toEqual({ state: runOf(config, classCount(state)).state, stop });
  });

  it('brings back how it ended', async () => {
    const { state } = runOf(experimentConfigOf(small), 0);
    const diverged = await fileOf(small, { state: { ...state, diverged: true, stepsDone: 100 } });
    expect(readCheckpoint(diverged).run.state).toMatchObject({ diverged: true, stepsDone: 100 });
    const ruled: State = { ...small, stopMetric: 'loss', stopBelow: 1 };
    const stop: StopMemory = { ...measured, reason: 'below', last: 0.5, best: 0.5 };
    expect(readCheckpoint(await fileOf(ruled, { stop })).run.stop).toEqual(stop);
    // A rule of which nothing is known begins anew.
    expect(readCheckpoint(await fileOf(ruled)).run.stop).toBeNull();
  });

  it('has the names and the order of the command’s', async () => {
    const content = readSafetensors(await fileOf({ ...small, labels: true, components: 4 }));
    expect([...content.metadata.keys()]).toEqual([
      'config',
      'createdBy',
      'diverged',
      'format',
      'formatVersion',
      'stepsDone',
      'timeFrequencies',
    ]);
    expect(
      [...content.tensors.values()].map(({ name, shape }) => [name, ...shape]).slice(0, 8),
    ).toEqual([
      ['layers.0.weight', 5, 8],
      ['layers.0.bias', 5],
      ['layers.2.weight', 3, 5],
      ['layers.2.bias', 3],
      ['layers.4.weight', 2, 3],
      ['layers.4.bias', 2],
      ['ema.layers.0.weight', 5, 8],
      ['ema.layers.0.bias', 5],
    ]);
    expect([...content.tensors.keys()].filter((name) => name.endsWith('.4.bias'))).toEqual([
      'layers.4.bias',
      'ema.layers.4.bias',
      'adam.first_moment.layers.4.bias',
      'adam.second_moment.layers.4.bias',
    ]);
  });

  it('is not done of a model whose tensors have no names', () => {
    const run = runOf(experimentConfigOf({ ...small, hidden: [5, 4] }), 0);
    expect(() => checkpointParts(run, small)).toThrow('cannot be saved');
  });
});

// flowmatch train --threads 1 --data moons --seed 3 --steps 40 --until 15 --set 'hidden=[6,4]' --set labels=true \
//   --set 'timeFeatures={"kind":"fourier","count":4,"seed":9}' --set batchSize=32 \
//   --set 'stop={"metric":"loss","below":0.01,"every":10,"patience":3}' --out tests/data/checkpoint.safetensors
const golden = readFileSync(join(import.meta.dirname, '../data/checkpoint.safetensors'));
const goldenFile = golden.buffer.slice(golden.byteOffset, golden.byteOffset + golden.length);

describe('opening what the command has written', () => {
  it('is a run that goes on', () => {
    const { state, config, run, problems } = readCheckpoint(goldenFile);
    expect(problems).toEqual([]);
    expect(state).toMatchObject({ dataSet: 'moons', labels: true, hidden: [6, 4], stopEvery: 10 });
    expect(config).toMatchObject({ steps: 40, seed: 3, batchSize: 32 });
    expect(run.state.stepsDone).toBe(15);
    expect(run.stop).toMatchObject({ losses: 5, sinceBest: 0, reason: 'none' });
    expect(run.stop?.best).toBe(run.stop?.last);
    // 2 + 4 + 3 inputs; 6, 4 and 2 units.
    expect(run.state.parameters).toHaveLength(6 * 9 + 6 + 4 * 6 + 4 + 2 * 4 + 2);
    const whole = readSafetensors(goldenFile).tensors.get('ema.layers.2.bias');
    const first = 6 * 9 + 6 + 4 * 6;
    expect(run.state.ema.slice(first, first + 4)).toEqual(
      new Float32Array(whole?.bytes.slice().buffer ?? new ArrayBuffer(0)),
    );
  });

  it('written again is the same, but for what the page leaves to its defaults', async () => {
    const { run, state } = readCheckpoint(goldenFile);
    const before = readSafetensors(goldenFile);
    const frequencies = JSON.parse(before.metadata.get('timeFrequencies') ?? '') as number[];
    const saved = { ...run, timeFrequencies: frequencies, version: '0.1.0' };
    const after = readSafetensors(await new Blob(checkpointParts(saved, state)).arrayBuffer());
    expect([...after.tensors.values()]).toEqual([...before.tensors.values()]);
    const parsed = (text: string | undefined): unknown => JSON.parse(text ?? '');
    for (const [key, text] of before.metadata) {
      if (key === 'config') continue;
      if (key === 'stop') expect(parsed(after.metadata.get(key))).toEqual(parsed(text));
      else expect([key, after.metadata.get(key)]).toEqual([key, text]);
    }
    expect(after.metadata.size).toBe(before.metadata.size);
  });
});

describe('what is refused', () => {
  const metadata: [string, Record<string, string | undefined>, string[]][] = [
    ['no checkpoint', { format: undefined }, ['__metadata__.format']],
    ['of something else', { format: 'other' }, ['__metadata__.format']],
    ['without a version', { formatVersion: undefined }, ['__metadata__.formatVersion']],
    ['of a newer version', { formatVersion: '2' }, ['__metadata__.formatVersion']],
    ['of no version', { formatVersion: 'one' }, ['__metadata__.formatVersion']],
    [
      'without all that it needs',
      { config: undefined, stepsDone: undefined, diverged: undefined },
      ['__metadata__.config', '__metadata__.stepsDone', '__metadata__.diverged'],
    ],
    ['of a reflow', { reflow: '{"pairs":100,"teacher":"1"}' }, ['__metadata__.reflow']],
    ['with a configuration that is none', { config: '{' }, ['__metadata__.config']],
    ['after no number of steps', { stepsDone: '-1' }, ['__metadata__.stepsDone']],
    ['after more steps than there are', { stepsDone: '101' }, ['__metadata__.stepsDone']],
    [
      'with neither true nor false, nor a rule',
      { diverged: 'perhaps', stop: '{"losses":1}' },
      ['__metadata__.diverged', '__metadata__.stop'],
    ],
    ['with a rule that is none', { stop: 'null' }, ['__metadata__.stop']],
    [
      'with a rule that counts backwards',
      { stop: '{"lossSum":0,"losses":-1,"last":0,"best":0,"sinceBest":0,"reason":"none"}' },
      ['__metadata__.stop'],
    ],
    [
      'with a rule whose best is no number',
      { stop: '{"lossSum":0,"losses":1,"last":0,"best":"nan","sinceBest":0,"reason":"none"}' },
      ['__metadata__.stop'],
    ],
  ];
  it.each(metadata)('is a file %s', async (_what, change, fields) => {
    const file = await changed(await fileOf(small), change);
    expect(problemsOf(file).map(({ field }) => field)).toEqual(fields);
  });

  it('says by how much a version is too new', async () => {
    const [problem] = problemsOf(await changed(await fileOf(small), { formatVersion: '7' }));
    expect(problem).toMatchObject({ value: '7' });
    expect(problem?.allowed).toContain('at most 1');
    expect(problem?.allowed).toContain('newer version');
  });

  it('is a configuration that the page would train otherwise', async () => {
    const file = await fileOf(small);
    const json = JSON.parse(runConfigJson(small)) as Record<string, unknown>;
    const with_ = (change: object) =>
      changed(file, { config: JSON.stringify({ ...json, ...change }) });
    const cases: [object, string][] = [
      [{ batchSize: 1e9 }, 'batchSize'],
      [{ colour: 'red' }, 'colour'],
      [{ adam: { beta1: 0.5 } }, 'adam.beta1'],
      [{ seed: 2 ** 60 }, 'seed'],
      // The core's ring is wider than the page's.
      [{ data: { components: 2, radius: 1e5, standardDeviation: 1 } }, 'radius'],
      // No number squared is exactly 0.3.
      [
        {
          data: {
            weights: [1],
            means: [[0, 0]],
            covariances: [
              [
                [0.3, 0],
                [0, 1],
              ],
            ],
          },
        },
        'data.covariances[0][0][0]',
      ],
      [{ data: { dataSet: 's_curve' }, labels: true }, 'labels'],
    ];
    for (const [change, field] of cases) {
      expect(problemsOf(await with_(change)).map((problem) => problem.field)).toEqual([field]);
    }
    // What means nothing may be anything.
    const schedule = { schedule: 'cond_ot', exponent: 7, betaMin: 1, betaMax: 3 };
    const taken = await with_({ schedule, stop: { metric: 'none', every: 9 }, couplingBatches: 3 });
    expect(readCheckpoint(taken).config.schedule.schedule).toBe('cond_ot');
    // What is only sampled otherwise is told, and the run taken.
    const { problems } = readCheckpoint(await with_({ sampler: { tStart: 0.5, particles: 1e6 } }));
    expect(problems.map(({ field }) => field).sort()).toEqual(['particles', 'sampler.tStart']);
  });

  it('is a network of another shape', async () => {
    const config = runConfigJson({ ...small, hidden: [5, 4] });
    const problems = problemsOf(await changed(await fileOf(small), { config }));
    expect(problems).toHaveLength(12);
    expect(problems[0]).toEqual({
      field: 'layers.2.weight',
      value: 'F32 [3,5]',
      allowed: 'F32 [4,5], as the configuration says',
    });
  });

  it('is a tensor that is missing, or one too many', async () => {
    const file = await fileOf(small);
    const missing = 'adam.first_moment.layers.2.bias';
    const without = await changed(file, {}, (name) => (name === missing ? null : name));
    expect(problemsOf(without)).toMatchObject([{ field: missing, value: 'missing' }]);
    const renamed = await changed(file, {}, (name) => (name === missing ? 'other' : name));
    expect(problemsOf(renamed)).toMatchObject([{ field: missing, value: 'missing' }]);
    const unaveraged = await changed(file, { config: runConfigJson({ ...small, emaDecay: 0 }) });
    expect(problemsOf(unaveraged)).toMatchObject([{ field: 'file', value: '24 tensors' }]);
  });

  it('is a number that training cannot go on with', async () => {
    const file = await fileOf(small);
    const spoilt = (of: string, value: number) =>
      changed(
        file,
        {},
        (name) => name,
        (name, numbers) => {
          if (name === of) numbers[1] = value;
        },
      );
    const moment = 'adam.second_moment.layers.0.bias';
    expect(problemsOf(await spoilt('layers.0.bias', NaN))).toMatchObject([
      { field: 'layers.0.bias', value: 'NaN' },
    ]);
    expect(problemsOf(await spoilt('ema.layers.0.bias', Infinity))).toMatchObject([
      { field: 'ema.layers.0.bias' },
    ]);
    expect(problemsOf(await spoilt(moment, -1))).toMatchObject([{ field: moment, value: '-1' }]);
  });

  it('is a file that is damaged in any of its first bytes, or cut', async () => {
    const file = await fileOf(small);
    for (let length = 0; length < file.byteLength; length += 97) {
      expect(problemsOf(file.slice(0, length)).length).toBeGreaterThan(0);
    }
    for (let at = 0; at < 8; at++) {
      const damaged = file.slice(0);
      new Uint8Array(damaged)[at] = 0xee;
      expect(problemsOf(damaged).length).toBeGreaterThan(0);
    }
  });
});

describe('what a file is', () => {
  const start = (text: string) => new TextEncoder().encode(text).slice(0, 8).buffer;

  it('is told by how it begins', async () => {
    expect(isSafetensors((await fileOf(small)).slice(0, 8))).toBe(true);
    expect(isSafetensors(goldenFile.slice(0, 8))).toBe(true);
    expect(isSafetensors(goldenFile.slice(0, 3))).toBe(true);
    expect(isSafetensors(new Uint8Array(8).fill(0xff).buffer)).toBe(true);
    expect(isSafetensors(start(runConfigJson(small)))).toBe(false);
    expect(isSafetensors(start('\t\r\n {"seed": 1}'))).toBe(false);
    // A character of several bytes may lie across the end.
    expect(isSafetensors(start('{"seed€": 1}'))).toBe(false);
    expect(isSafetensors(start(''))).toBe(false);
  });
});
