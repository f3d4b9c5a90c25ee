/** What the engine is asked for, taken from the state of a figure. */
import type { ExperimentConfig, FieldName, SamplerConfig } from '../engine/protocol';
import type { State } from './settings';

/** All that decides the training run. */
export function experimentConfigOf(state: State): ExperimentConfig {
  return {
    data: {
      components: state.components,
      radius: state.radius,
      standardDeviation: state.standardDeviation,
    },
    schedule: state.schedule,
    hidden: [...state.hidden],
    activation: state.activation,
    batchSize: state.batchSize,
    learningRate: state.learningRate,
    learningRateDecay: state.learningRateDecay,
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
    particles: state.particles,
    seed: state.noiseSeed,
  };
}
