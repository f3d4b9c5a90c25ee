// A configuration in JSON is the state that it was saved from, and says what of it the page cannot take.
import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRunConfig } from '../../web/src/state/read-run-config';
import { runConfigJson } from '../../web/src/state/run-config';
import { presets } from '../../web/src/state/presets';
import { defaultState, matters, settings, type State } from '../../web/src/state/settings';

const fields = (text: string) => readRunConfig(text).problems.map(({ field }) => field);
const stateOf = (config: object) => readRunConfig(JSON.stringify(config)).state;

describe('opening what was saved', () => {
  const mine: readonly Partial<State>[] = [
    {},
    presets.blog,
    { dataSet: 'rings', parameters: 'count_3 noise_0.2', labels: true, label: 2, guidance: 1.5 },
    { dataSet: 'mixture', mixture: '1_2_3_2_0.5_0.5 3_0_0_1_1_0', hidden: [] },
    { dataSet: 'points', points: '1_2.5_0 3_-4_1 0_0_0', smoothing: 0.25, labels: true },
    { dataSet: 'points', points: '1_2.5 3_-4', smoothing: 0 },
    { source: 'moons', sourceParameters: 'noise_0.1', dataSet: 'rings' },
    { source: 'mixture', sourceMixture: '1_2_3_2_0.5_0.5' },
    { source: 'points', sourcePoints: '1_2.5 3_-4', sourceSmoothing: 0, dataSet: 'points' },
    { stopMetric: 'sliced_w2', stopBelow: 0.1, stopPatience: 2, stopEvery: 10, stopCount: 200 },
    { timeLaw: 'fixed', fixedTime: 0.5, timeFeatures: 'fourier', timeFeatureSeed: 9 },
    { samplingSchedule: 'vp', samplingBetaMax: 5, schedule: 'polynomial', exponent: 3 },
    { solver: 'dopri5', tolerance: 1e-4, particles: 77, noiseSeed: 3, seed: 8 },
  ];

  it.each(mine)('brings it back: %j', (change) => {
    const state: State = { ...defaultState, ...change };
    const { problems, state: read } = readRunConfig(runConfigJson(state));
    expect(problems).toEqual([]);
    expect(runConfigJson(read)).toBe(runConfigJson(state));
    for (const key of Object.keys(change) as (keyof State)[]) {
      // What means nothing is not as it was, such as whether classes that there are not are paired.
      if (settings[key].group !== 'view' && matters(key, state))
        expect([key, read[key]]).toEqual([key, state[key]]);
    }
  });

  it('reads the golden document without a problem', () => {
    const path = join(import.meta.dirname, '../data/page_config.json');
    expect(fields(readFileSync(path, 'utf8'))).toEqual([]);
  });
});

describe('opening what others wrote', () => {
  it('starts from the preset that it names, and takes a schedule by its name', () => {
    expect(stateOf({ preset: 'blog', steps: 10 })).toEqual({ ...presets.blog, steps: 10 });
    expect(stateOf({ schedule: 'cosine' }).schedule).toBe('cosine');
    expect(stateOf({})).toEqual(defaultState);
  });

  it('leaves what means nothing as it is by default, and takes no SDE without a score', () => {
    const coupling = { coupling: 'independent', labelAware: false };
    const { state } = readRunConfig(JSON.stringify({ coupling, stop: { patience: 0 } }));
    expect(state).toEqual(defaultState);
    const sde = readRunConfig('{"method": "cnf", "sampler": {"solver": "euler_maruyama"}}');
    expect(sde.state.solver).toBe('midpoint');
    expect(sde.problems).toMatchObject([{ field: 'solver' }]);
  });

  it('takes over what the command always writes', () => {
    const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const sampler = { field: 'learned', tStart: 0, tEnd: 1, maxSteps: 10_000, atol: 1e-5 };
    expect(fields(JSON.stringify({ adam, sampler }))).toEqual([]);
  });

  it.each([
    ['not json', ['file']],
    ['[1]', ['file']],
    ['{"adam": {"beta1": 0.5}}', ['adam.beta1']],
    ['{"sampler": {"tStart": 0.5}}', ['sampler.tStart']],
    ['{"colour": "red"}', ['colour']],
    ['{"preset": "slow"}', ['preset']],
    ['{"steps": -1}', ['steps']],
    ['{"timeLaw": "uniform"}', ['timeLaw']],
    ['{"timeLaw": {"law": "always"}}', ['timeLaw']],
    ['{"data": 7}', ['data']],
    ['{"data": {"dataSet": "stars"}}', ['dataSet']],
    ['{"data": {"radius": -1}}', ['radius']],
    ['{"data": {"wide": 1}}', ['data.wide']],
    ['{"data": {"points": [[1, 2], [3]]}}', ['data.points[1]']],
    ['{"data": {"points": []}}', ['data.points']],
    ['{"data": {"points": [[1, 2, 3]]}}', ['data.points[0]']],
    ['{"data": {"points": [[1, 2]], "labels": [0, 1]}}', ['data.labels']],
    ['{"data": {"weights": [1], "means": [[0, 0]]}}', ['data']],
    ['{"data": {"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0]]]}}', ['data']],
  ])('says what it cannot take of %s', (text, expected) => {
    expect(fields(text)).toEqual(expected);
    const { state } = readRunConfig(text);
    expect(state).toEqual({ ...defaultState, dataSet: state.dataSet });
  });
});
