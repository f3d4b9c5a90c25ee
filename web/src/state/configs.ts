/** What the engine is asked for, taken from the state of a figure. */
import type { ExperimentConfig, FieldName, SamplerConfig } from '../engine/protocol';
import type { State } from './settings';

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
      regularisation: state.regularisation,
    },
    couplingBatches: state.couplingBatches,
    hidden: [...state.hidden],
    activation: state.activation,
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
    solver: state.solver,
    steps: state.solverSteps,
    tolerance: state.tolerance,
    diffusion: state.diffusion,
    particles: state.particles,
    seed: state.noiseSeed,
  };
}
