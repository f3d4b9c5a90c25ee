/** What the engine is asked for, taken from the state of a figure. */
import type {
  ExperimentConfig,
  FieldName,
  GuidanceConfig,
  SamplerConfig,
} from '../engine/protocol';
import { matters, type State } from './settings';

/** The classes of the data, as the core counts them; 0: it has none. */
export function classCount(state: State): number {
  switch (state.dataSet) {
    case 'ring':
      return state.components;
    case 'eight_gaussians':
    case 'checkerboard':
      return 8;
    case 'moons':
    case 'moons_torchdyn':
    case 'spiral':
      return 2;
    case 'pinwheel':
      return 5;
    case 'rings':
      return 4;
    case 's_curve':
    case 'swiss_roll':
      return 0;
  }
}

/** Whether the network is told classes: the reader wants it, and the data has some. */
export function isConditional(state: State): boolean {
  return state.labels && matters('labels', state);
}

/** The class that is sampled, if the model and the data have it; otherwise all of the data. */
export function guidanceOf(state: State): GuidanceConfig {
  const known = isConditional(state) && state.label < classCount(state) && state.label >= 0;
  return known ? { label: state.label, scale: state.guidance } : { label: -1, scale: 0 };
}

/** All that decides the training run. */
export function experimentConfigOf(state: State): ExperimentConfig {
  return {
    data: {
      dataSet: state.dataSet,
      components: state.components,
      radius: state.radius,
      standardDeviation: state.standardDeviation,
    },
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
  };
}

/** All that decides how a cloud is moved; both fields start from the same noise. */
export function samplerConfigOf(state: State, field: FieldName): SamplerConfig {
  return {
    field,
    options: {
      guidance: guidanceOf(state),
      schedule: {
        schedule: state.samplingSchedule === 'trained' ? '' : state.samplingSchedule,
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
