// The methods that flow matching replaced, in the WebAssembly modules themselves: chosen in the same configuration,
// trained, sampled and measured by the same calls.
import { beforeAll, describe, expect, it } from 'vitest';

import type { Experiment, MainModule } from '#wasm';
import { plainField, type ExperimentConfig } from '../../web/src/engine/protocol';
import { experimentConfigOf, samplerConfigOf } from '../../web/src/state/configs';
import { defaultState, type State } from '../../web/src/state/settings';
import { loadUnderNode } from './module';

const few: State = {
  ...defaultState,
  components: 3,
  radius: 2,
  standardDeviation: 0.5,
  hidden: [16, 16],
  batchSize: 128,
  learningRate: 0.01,
  cnfSolver: 'midpoint',
  cnfSteps: 4,
  steps: 300,
  solver: 'midpoint',
  solverSteps: 64,
};
const configOf = (method: State['method']): ExperimentConfig =>
  experimentConfigOf({ ...few, method });
const methods = ['cnf', 'normalizing_flow'] as const;

let whole: MainModule;
let basic: MainModule;
beforeAll(async () => {
  [whole, basic] = await Promise.all([
    loadUnderNode('flowmatch'),
    loadUnderNode('flowmatch-basic'),
  ]);
});

function make(config: ExperimentConfig): Experiment {
  const { experiment, problems } = whole.Experiment.create(config, 1);
  expect(problems).toEqual([]);
  if (!experiment) throw new Error('refused');
  return experiment;
}

function fieldsOf(config: object): string[] {
  const { experiment, problems } = whole.Experiment.create(config as ExperimentConfig, 1);
  expect(experiment).toBeNull();
  return problems.map(({ field }) => field as string);
}

describe.each(methods)('%s', (method) => {
  it('learns the data, as far down as their entropy', () => {
    const experiment = make(configOf(method));
    const entropy = experiment.irreducibleLoss() ?? NaN;
    const { losses, diverged } = experiment.train(300, Infinity);
    expect(diverged).toBe(false);
    expect(losses).toHaveLength(300);
    const last = losses.slice(-50).reduce((sum, loss) => sum + loss / 50, 0);
    expect(losses[0]).toBeGreaterThan(entropy + 0.4);
    expect(last).toBeLessThan(entropy + 0.3);
    expect(last).toBeGreaterThan(entropy - 0.1);

    const sampler = samplerConfigOf(few, 'learned');
    const { evaluation } = experiment.startEvaluation(sampler, 1000);
    evaluation?.advance(Infinity);
    expect(evaluation?.result().energyDistance).toBeLessThan(0.1);

    const likelihood = {
      field: 'learned',
      options: plainField,
      solver: 'rk4',
      steps: 32,
      tolerance: 1e-5,
      seed: 1,
    };
    const nll = (probes: number) => {
      const { run } = whole.startDataLikelihood(experiment, { ...likelihood, probes }, 500, 2);
      run?.advance(Infinity);
      const value = run?.result().negativeLogLikelihood ?? NaN;
      run?.delete();
      return value;
    };
    expect(Math.abs(nll(0) - last)).toBeLessThan(0.25);
    // An estimate from several random directions of the same.
    expect(Math.abs(nll(8) - nll(0))).toBeLessThan(0.1);
    if (method === 'cnf') expect(nll(8)).not.toBe(nll(0));
    evaluation?.delete();
    experiment.delete();
  });

  it('goes on from its state to the bit', () => {
    const [first, second] = [make(configOf(method)), make(configOf(method))];
    first.train(3, Infinity);
    expect(second.restore(first.state())).toEqual([]);
    first.train(2, Infinity);
    second.train(2, Infinity);
    expect(second.stateHash()).toBe(first.stateHash());
    first.delete();
    second.delete();
  });

  it('makes pairs for flow matching', () => {
    const experiment = make(configOf(method));
    experiment.train(20, Infinity);
    const { run } = whole.startReflow(experiment, 200, 1);
    run?.advance(Infinity);
    if (!run) throw new Error('no pairs');
    const made = whole.Experiment.createOnPairs(configOf(method), 1, run, false);
    expect(made.problems).toEqual([]);
    expect(made.experiment?.train(5, Infinity).losses).toHaveLength(5);
    made.experiment?.delete();
    run.delete();
    experiment.delete();
  });

  it('is refused an SDE and another schedule, which its field does not tell', () => {
    const experiment = make(configOf(method));
    const sampler = samplerConfigOf({ ...few, solver: 'euler_maruyama' }, 'learned');
    expect(experiment.startFlow(sampler, 1).problems[0]?.field).toBe('solver');
    const schedule = { schedule: 'cosine', exponent: 1, betaMin: 0.1, betaMax: 20 };
    const other = { ...samplerConfigOf(few, 'learned'), options: { ...plainField, schedule } };
    expect(experiment.startFlow(other, 1).problems[0]?.field).toBe('options.schedule');
    experiment.delete();
  });

  it('is not of the small module, which says nothing then', () => {
    const { experiment, problems } = basic.Experiment.create(configOf(method), 1);
    expect(experiment).toBeNull();
    expect(problems).toEqual([]);
  });

  it('is refused what only flow matching knows', () => {
    const config = configOf(method);
    expect(fieldsOf({ ...config, prediction: 'x1', labels: true })).toEqual([
      'labels',
      'prediction',
    ]);
  });
});

describe('the settings of a method', () => {
  it('are checked by their names', () => {
    const config = configOf('flow_matching');
    const cnf = { cnfSolver: 'dopri5', cnfSteps: 0 };
    expect(fieldsOf({ ...config, method: cnf })).toEqual(['cnfSteps', 'cnfSolver']);
    expect(fieldsOf({ ...config, method: { cnfSolver: 'leapfrog', cnfSteps: 4 } })).toEqual([
      'cnfSolver',
    ]);
    const flow = { couplingLayers: 65, maxLogScale: 11 };
    expect(fieldsOf({ ...config, method: flow })).toEqual(['couplingLayers', 'maxLogScale']);
    const wide = { ...configOf('normalizing_flow'), hidden: [257] };
    expect(fieldsOf(wide)).toEqual(['hidden[0]']);
  });
});
