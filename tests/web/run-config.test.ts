// The JSON that the page saves. The file beside the golden values is what the command's own test reads
// (tests/io/config_json_test.cpp): written here, so that the two cannot drift apart.
import { describe, expect, it } from 'vitest';
import { runConfigJson } from '../../web/src/state/run-config';
import { defaultState, type State } from '../../web/src/state/settings';

/** Every kind of setting away from its default. */
const state: State = {
  ...defaultState,
  dataSet: 'moons',
  schedule: 'polynomial',
  exponent: 3,
  prediction: 'x1',
  timeLaw: 'logit_normal',
  logitMean: 0.5,
  lossWeighting: 'min_snr',
  gamma: 7,
  coupling: 'sinkhorn',
  regularisation: 0.1,
  couplingBatches: 2,
  hidden: [32, 16],
  activation: 'gelu',
  timeFeatures: 'sinusoidal',
  timeFeatureCount: 8,
  timeFeatureScale: 0.01,
  labels: true,
  labelDropout: 0.2,
  batchSize: 128,
  learningRate: 0.002,
  learningRateDecay: 'constant',
  warmupSteps: 10,
  weightDecay: 0.01,
  gradientClip: 1,
  emaDecay: 0.99,
  steps: 300,
  seed: 7,
  label: 1,
  guidance: 1.5,
  solver: 'euler_maruyama',
  solverSteps: 60,
  tolerance: 1e-4,
  diffusion: 0.5,
  samplingSchedule: 'vp',
  samplingBetaMax: 10,
  particles: 500,
  noiseSeed: 3,
};

describe('the saved configuration', () => {
  it('is the document that the command reads', async () => {
    await expect(runConfigJson(state)).toMatchFileSnapshot('../data/page_config.json');
  });

  it('names a ring by its numbers, and leaves the schedule of the sampling to the training', () => {
    const config = JSON.parse(runConfigJson(defaultState)) as Record<string, unknown>;
    expect(config['data']).toEqual({ components: 11, radius: 10, standardDeviation: 1 });
    expect(config['sampler']).toMatchObject({ schedule: null, guidance: { label: -1, scale: 0 } });
  });
});
