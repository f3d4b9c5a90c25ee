/** What the engine is asked for, taken from the state of a figure. */
import type {
  DataConfig,
  ExperimentConfig,
  FieldName,
  GuidanceConfig,
  MethodConfig,
  MixtureConfig,
  PointsConfig,
  SamplerConfig,
  StopConfig,
} from '../engine/protocol';
import { matters, meantBy, type State } from './settings';
import { pairsIn, rowsIn } from './setting';

/** The classes of the data, as the core counts them; 0: it has none. */
export function classCount(state: State): number {
  const count = (standard: number) => pairsIn(state.parameters)['count'] ?? standard;
  switch (state.dataSet) {
    case 'ring':
      return state.components;
    case 'mixture':
      return rowsIn(state.mixture).length;
    case 'points':
      return rowsIn(state.points).reduce((most, row) => Math.max(most, (row[2] ?? -1) + 1), 0);
    case 'eight_gaussians':
      return count(8);
    case 'checkerboard':
      return Math.ceil(count(4) ** 2 / 2);
    case 'moons':
    case 'moons_torchdyn':
      return 2;
    case 'spiral':
      return count(2);
    case 'pinwheel':
      return count(5);
    case 'rings':
      return count(4);
    case 's_curve':
    case 'swiss_roll':
      return 0;
  }
}

/** The target. The same object for the same points, as there may be many of them. */
export function dataOf(state: State): DataConfig {
  const { dataSet, components, radius, standardDeviation } = state;
  if (dataSet === 'ring') return { components, radius, standardDeviation };
  if (dataSet === 'mixture') return mixtureOf(state.mixture);
  if (dataSet === 'points') return pointsOf(state.points, state.smoothing);
  return { dataSet, ...pairsIn(state.parameters) };
}

/** What X_0 is drawn from; null: N(0, I). */
function sourceOf(state: State): DataConfig | null {
  if (state.source === 'normal') return null;
  return dataOf({
    ...state,
    dataSet: state.source,
    parameters: state.sourceParameters,
    mixture: state.sourceMixture,
    points: state.sourcePoints,
    smoothing: state.sourceSmoothing,
  });
}

function mixtureOf(text: string): MixtureConfig {
  const rows = rowsIn(text);
  return {
    weights: rows.map(([weight = 0]) => weight),
    means: rows.map(([, x = 0, y = 0]) => [x, y]),
    covariances: rows.map(([, , , sx = 0, sy = 0, correlation = 0]) => {
      const covariance = correlation * sx * sy;
      return [
        [sx * sx, covariance],
        [covariance, sy * sy],
      ];
    }),
  };
}

/** Of the target and of the source, the latest last. */
let lastPoints: readonly { readonly text: string; readonly data: PointsConfig }[] = [];

function pointsOf(text: string, smoothing: number): PointsConfig {
  const known = lastPoints.find((last) => last.text === text && last.data.smoothing === smoothing);
  if (known) return known.data;
  const rows = rowsIn(text);
  const points = Float32Array.from(rows.flatMap(([x = 0, y = 0]) => [x, y]));
  const labels = rows[0]?.length === 3 && Int32Array.from(rows, (row) => row[2] ?? 0);
  const data = { points, ...(labels ? { labels } : {}), smoothing };
  lastPoints = [...lastPoints.slice(-1), { text, data }];
  return data;
}

/** Whether the network is told classes: the reader wants it, and the data has some. */
export function isConditional(state: State): boolean {
  return state.labels && matters('labels', state) && classCount(state) > 0;
}

/** The class that is sampled, if the model and the data have it; otherwise all of the data. */
export function guidanceOf(state: State): GuidanceConfig {
  const known = isConditional(state) && state.label < classCount(state) && state.label >= 0;
  return known ? { label: state.label, scale: state.guidance } : { label: -1, scale: 0 };
}

/** All that decides the training run. */
export function experimentConfigOf(chosen: State): ExperimentConfig {
  const state = meantBy(chosen);
  return {
    data: dataOf(state),
    source: sourceOf(state),
    method: methodOf(state),
    schedule: {
      schedule: state.schedule,
      exponent: state.exponent,
      betaMin: state.betaMin,
      betaMax: state.betaMax,
    },
    prediction: state.prediction,
    timeLaw: {
      law: state.timeLaw,
      logitMean: state.logitMean,
      logitScale: state.logitScale,
      logNoiseMean: state.logNoiseMean,
      logNoiseScale: state.logNoiseScale,
      fixedTime: state.fixedTime,
    },
    lossWeighting: { weighting: state.lossWeighting, gamma: state.gamma },
    coupling: {
      coupling: state.coupling,
      labelAware: state.labelAware && isConditional(state),
      regularisation: state.regularisation,
    },
    couplingBatches: state.couplingBatches,
    hidden: [...state.hidden],
    activation: state.activation,
    timeFeatures: {
      kind: state.timeFeatures,
      count: state.timeFeatureCount,
      scale: state.timeFeatureScale,
      seed: state.timeFeatureSeed,
    },
    labels: isConditional(state),
    labelDropout: state.labelDropout,
    batchSize: state.batchSize,
    learningRate: state.learningRate,
    learningRateDecay: state.learningRateDecay,
    warmupSteps: state.warmupSteps,
    weightDecay: state.weightDecay,
    gradientClip: state.gradientClip,
    emaDecay: state.emaDecay,
    steps: state.steps,
    seed: state.seed,
    stop: stopOf(state),
  };
}

function methodOf({ method, ...state }: State): MethodConfig | null {
  const { cnfSolver, cnfSteps, couplingLayers, maxLogScale } = state;
  if (method === 'flow_matching') return null;
  return method === 'cnf' ? { cnfSolver, cnfSteps } : { couplingLayers, maxLogScale };
}

function stopOf(state: State): StopConfig | null {
  const { stopMetric: metric, stopBelow: below, stopEvery: every, stopPatience: patience } = state;
  return metric === 'none' ? null : { metric, below, every, patience, count: state.stopCount };
}

/** All that decides how a cloud is moved; both fields start from the same noise. */
export function samplerConfigOf(state: State, field: FieldName): SamplerConfig {
  const other = matters('samplingSchedule', state) && state.samplingSchedule !== 'trained';
  return {
    field,
    options: {
      guidance: guidanceOf(state),
      schedule: {
        schedule: other ? state.samplingSchedule : '',
        exponent: state.samplingExponent,
        betaMin: state.samplingBetaMin,
        betaMax: state.samplingBetaMax,
      },
    },
    solver: state.solver,
    steps: state.solverSteps,
    tolerance: state.tolerance,
    diffusion: state.diffusion,
    particles: state.particles,
    seed: state.noiseSeed,
  };
}
