// The JSON that the page saves. The file beside the golden values is what the command's own test reads
// (tests/io/config_json_test.cpp): written here, so that the two cannot drift apart.
import { describe, expect, it } from 'vitest';
import { runConfigJson } from '../../web/src/state/run-config';
import { defaultState, type State } from '../../web/src/state/settings';

/** Every kind of setting away from its default. */
const state: State = {
  ...defaultState,
  dataSet: 'moons',
  parameters: 'noise_0.1 shiftY_0.5',
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
  timeFeatures: 'fourier',
  timeFeatureCount: 8,
  timeFeatureScale: 0.01,
  timeFeatureSeed: 5,
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
  stopMetric: 'energy_distance',
  stopBelow: 0.02,
  stopEvery: 100,
  stopPatience: 3,
  stopCount: 500,
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
  probes: 4,
};

describe('the saved configuration', () => {
  it('is the document that the command reads', async () => {
    await expect(runConfigJson(state)).toMatchFileSnapshot('../data/page_config.json');
  });

  it('names another method with its settings, and what belongs to flow matching as it is by default', () => {
    const other = { ...state, solver: 'rk4', samplingSchedule: 'trained' } as const;
    const cnf = JSON.parse(runConfigJson({ ...other, method: 'cnf', cnfSteps: 5 })) as object;
    expect(cnf).toMatchObject({
      method: 'cnf',
      cnfSolver: 'rk4',
      cnfSteps: 5,
      prediction: 'velocity',
      timeLaw: { law: 'uniform' },
      lossWeighting: { weighting: 'constant' },
      coupling: { coupling: 'independent' },
      timeFeatures: { kind: 'plain' },
      labels: false,
    });
    const flow = JSON.parse(runConfigJson({ ...other, method: 'normalizing_flow' })) as object;
    expect(flow).toMatchObject({ method: 'normalizing_flow', couplingLayers: 8, maxLogScale: 2 });
    expect(flow).not.toHaveProperty('cnfSteps');
  });

  it('names a ring by its numbers, and leaves the schedule of the sampling to the training', () => {
    const config = JSON.parse(runConfigJson(defaultState)) as Record<string, unknown>;
    expect(config['data']).toEqual({ components: 11, radius: 10, standardDeviation: 1 });
    expect(config['sampler']).toMatchObject({ schedule: null, guidance: { label: -1, scale: 0 } });
  });

  it('has the points of the reader, each as short as the float that it is', () => {
    const points = '0.1_-2.345_0 1e-3_3_1';
    const json = runConfigJson({ ...defaultState, dataSet: 'points', points, smoothing: 0.25 });
    expect((JSON.parse(json) as Record<string, unknown>)['data']).toEqual({
      points: [
        [0.1, -2.345],
        [0.001, 3],
      ],
      labels: [0, 1],
      smoothing: 0.25,
    });
  });
});
