// A model's own pairs, and runs on them, in the WebAssembly module itself: the core's bindings as the worker uses them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import type { Experiment, MainModule, Reflow } from '#wasm';
import { BUILD } from '../../wasm/toolchain/paths.mjs';
import { plainField, type ExperimentConfig } from '../../web/src/engine/protocol';
import { experimentConfigOf, samplerConfigOf } from '../../web/src/state/configs';
import { defaultState, type State } from '../../web/src/state/settings';

/** Loaded as in a worker, but from files. */
async function load(name: string): Promise<MainModule> {
  const path = join(BUILD, 'wasm/simd', name);
  const { default: create } = (await import(pathToFileURL(`${path}.mjs`).href)) as {
    default: (options: object) => Promise<MainModule>;
  };
  return create({
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ) {
      void WebAssembly.instantiate(readFileSync(`${path}.wasm`), imports).then(({ instance }) => {
        receive(instance);
      });
      return {};
    },
  });
}

const forever = Infinity;

function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('refused');
  return value;
}

const at = (numbers: ArrayLike<number>, index: number): number => numbers[index] ?? NaN;

const few: State = {
  ...defaultState,
  components: 3,
  radius: 4,
  standardDeviation: 0.5,
  hidden: [32, 32],
  batchSize: 128,
  learningRate: 5e-3,
  steps: 700,
};
const config = experimentConfigOf(few);
const pairCount = 4000;

let wasm: MainModule;
beforeAll(async () => {
  wasm = await load('flowmatch');
});

function make(of: ExperimentConfig): Experiment {
  const { experiment, problems } = wasm.Experiment.create(of, 1);
  expect(problems).toEqual([]);
  return there(experiment);
}

function train(experiment: Experiment): Experiment {
  while (experiment.stepsDone() < config.steps) experiment.train(config.steps, forever);
  return experiment;
}

/** In slices of no time at all: as often as possible. */
function pairsOf(experiment: Experiment, count = pairCount): Reflow {
  const { run, problems } = wasm.startReflow(experiment, count, config.seed);
  expect(problems).toEqual([]);
  let before = -1;
  while (!there(run).advance(0)) {
    expect(there(run).progress()).toBeGreaterThanOrEqual(before);
    before = there(run).progress();
  }
  expect(there(run).progress()).toBe(1);
  return there(run);
}

function onPairs(pairs: Reflow, oneStep: boolean, of = config): Experiment {
  const { experiment, problems } = wasm.Experiment.createOnPairs(of, 1, pairs, oneStep);
  expect(problems).toEqual([]);
  return there(experiment);
}

function trajectoriesOf(experiment: Experiment, count = 300) {
  const trajectories = { field: 'learned', options: plainField, count, seed: 5 };
  const { run, problems } = wasm.startTrajectories(experiment, trajectories);
  expect(problems).toEqual([]);
  while (!there(run).advance(1));
  return there(run).result();
}

/** Of `steps` Euler steps. */
function slicedW2(experiment: Experiment, steps: number) {
  const sampler = { ...samplerConfigOf(few, 'learned'), solver: 'euler', steps };
  const { evaluation } = experiment.startEvaluation(sampler, 1500);
  while (!there(evaluation).advance(forever));
  return there(evaluation).result();
}

describe('runs on a model’s own pairs', () => {
  let first: Experiment;
  let pairs: Reflow;
  beforeAll(() => {
    first = train(make(config));
    pairs = pairsOf(first);
  });

  it('are straight, and near the data in one step, as the core’s are', () => {
    const second = train(onPairs(pairs, false));
    const before = trajectoriesOf(first);
    const after = trajectoriesOf(second);
    expect(after.straightness).toBeLessThan(before.straightness / 8);
    expect(after.normalisedPathEnergy).toBeLessThan(before.normalisedPathEnergy);
    // Theorem 3.5 of the paper: reflow never transports at a higher cost.
    expect(after.pathEnergy).toBeLessThan(before.pathEnergy);
    const [leap, better] = [slicedW2(first, 1), slicedW2(second, 1)];
    expect(better.slicedW2).toBeLessThan(leap.slicedW2 / 2);
    // Not at the price of ending elsewhere.
    expect(slicedW2(second, 50).slicedW2).toBeLessThan(slicedW2(first, 50).slicedW2 + 0.15);
    expect(second.irreducibleLoss()).toBeNull();
  });

  it('can be students, better still in one step', () => {
    const student = train(onPairs(pairs, true));
    expect(slicedW2(student, 1).slicedW2).toBeLessThan(slicedW2(first, 1).slicedW2 / 2);
  });

  it('are on pairs that are the flow’s own starts and ends', () => {
    expect(pairs.count()).toBe(pairCount);
    const some = pairsOf(first, 40);
    const x = Float64Array.from(some.starts());
    const starts = pairs.starts().subarray(0, 80);
    expect([...x]).toEqual([...starts]);
    // From one to the other by the classical Runge-Kutta rule, with the velocities that JavaScript sees.
    const steps = 40;
    const h = 1 / steps;
    const velocity = (t: number, of: Float64Array): Float64Array =>
      Float64Array.from(first.velocity('learned', plainField, t, Float32Array.from(of)));
    const moved = (by: Float64Array, step: number) => x.map((each, i) => each + step * at(by, i));
    for (let i = 0; i < steps; i++) {
      const t = i * h;
      const a = velocity(t, x);
      const b = velocity(t + h / 2, moved(a, h / 2));
      const c = velocity(t + h / 2, moved(b, h / 2));
      const d = velocity(Math.min(t + h, 1), moved(c, h));
      x.forEach((each, k) => {
        x[k] = each + (h / 6) * (at(a, k) + 2 * at(b, k) + 2 * at(c, k) + at(d, k));
      });
    }
    const ends = some.ends();
    const error = Math.max(...x.map((each, k) => Math.abs(each - at(ends, k))));
    // Of ends some 4 from the middle, by two solvers of errors of 1e-4 and less.
    expect(error).toBeLessThan(2e-3);
    some.delete();
  });

  it('are the same for the same seed, and leave the first run as it was', () => {
    const hash = first.stateHash();
    const steps = () => {
      const experiment = onPairs(pairsOf(first, 500), false);
      experiment.train(5, forever);
      return experiment.stateHash();
    };
    expect(steps()).toBe(steps());
    expect(first.stateHash()).toBe(hash);
    // The pairs are the run's own: they outlive what they were made with.
    const some = pairsOf(first, 500);
    const experiment = onPairs(some, false);
    some.delete();
    experiment.train(5, forever);
    expect(experiment.stateHash()).toBe(steps());
  });

  it('go straight, whatever the run before was: its schedule, prediction, coupling and times', () => {
    const curved: ExperimentConfig = experimentConfigOf({
      ...few,
      schedule: 'cosine',
      prediction: 'x1',
      timeLaw: 'logit_normal',
      lossWeighting: 'velocity',
      coupling: 'ot',
      couplingBatches: 4,
    });
    const run = make(curved);
    run.train(50, forever);
    const own = pairsOf(run, 200);
    const plain = { ...curved, ...schedulesOf(config), timeLaw: curved.timeLaw };
    const a = onPairs(own, false, curved);
    const b = onPairs(own, false, plain);
    a.train(5, forever);
    b.train(5, forever);
    expect(a.stateHash()).toBe(b.stateHash());
    run.delete();
  });

  it('of a conditional model belong to its classes', () => {
    const labelled = { ...config, labels: true };
    const conditional = train(make(labelled));
    const own = pairsOf(conditional);
    const ends = own.ends();
    const straight = train(onPairs(own, false, labelled));
    expect(straight.labels()).toBe(few.components);
    for (let label = 0; label < straight.labels(); label++) {
      const sampler = { ...samplerConfigOf(few, 'learned'), particles: 200, steps: 5 };
      const options = { ...plainField, guidance: { label, scale: 0 } };
      const { flow } = straight.startFlow({ ...sampler, options }, 1);
      while (!there(flow).advance(forever));
      const places = there(flow).positions().slice(-400);
      there(flow).delete();
      const angle = (2 * Math.PI * label) / straight.labels();
      const [x, y] = [few.radius * Math.cos(angle), few.radius * Math.sin(angle)];
      let near = 0;
      for (let i = 0; i < places.length; i += 2) {
        if (Math.hypot(at(places, i) - x, at(places, i + 1) - y) < few.radius / 2) near++;
      }
      expect(near).toBeGreaterThan(180);
    }
    expect(ends.length).toBe(2 * pairCount);
    straight.delete();
    own.delete();
    conditional.delete();
  });

  it('are refused where they are not possible', () => {
    expect(wasm.startReflow(first, 1, 0).problems).toMatchObject([{ field: 'pairs' }]);
    expect(wasm.startReflow(first, 100, -1).problems).toMatchObject([{ field: 'seed' }]);
    const labelled = { ...config, labels: true };
    const plain = pairsOf(first, 100);
    const refused = wasm.Experiment.createOnPairs(labelled, 1, plain, false);
    expect(refused.experiment).toBeNull();
    expect(refused.problems).toMatchObject([{ field: 'labels' }]);
    plain.delete();
    const undone = there(wasm.startReflow(first, 100, 0).run);
    const { experiment, problems } = wasm.Experiment.createOnPairs(config, 1, undone, false);
    expect(experiment).toBeNull();
    expect(problems).toMatchObject([{ field: 'pairs' }]);
    undone.delete();
  });
});

/** Of a run on straight lines. */
function schedulesOf({
  schedule,
  prediction,
  coupling,
  couplingBatches,
  lossWeighting,
}: ExperimentConfig): Partial<ExperimentConfig> {
  return { schedule, prediction, coupling, couplingBatches, lossWeighting };
}

describe('trajectories', () => {
  it('of the exact field of one Gaussian at its place are nothing but a shrinking', () => {
    // From N(0, I) to N(0, s^2 I): x_t = sqrt(t^2 s^2 + (1 - t)^2) x_0 under cond_ot, and W2 = sqrt(2) |1 - s|.
    const s = 0.5;
    const one = make(
      experimentConfigOf({ ...few, components: 1, radius: 0, standardDeviation: s }),
    );
    const trajectories = { field: 'exact', options: plainField, count: 2000, seed: 1 };
    const { run } = wasm.startTrajectories(one, trajectories);
    while (!there(run).advance(forever));
    const { pathEnergy, straightness, leastPathEnergy, normalisedPathEnergy } = there(run).result();
    // 2 integral (d/dt scale)^2 dt, and the same about its mean 1 - s.
    let energy = 0;
    const steps = 2000;
    for (let i = 0; i < steps; i++) {
      const t = (i + 0.5) / steps;
      energy += (2 / steps) * ((t * s * s - (1 - t)) ** 2 / (t * t * s * s + (1 - t) ** 2));
    }
    // Of 2,000 points |x|^2 has a standard error of 2.2 percent.
    expect(Math.abs(pathEnergy / energy - 1)).toBeLessThan(0.07);
    expect(Math.abs(straightness / (energy - 2 * (1 - s) ** 2) - 1)).toBeLessThan(0.07);
    expect(Math.abs(leastPathEnergy / (2 * (1 - s) ** 2) - 1)).toBeLessThan(0.15);
    // All in proportion to |x_0|^2, so that the points do not matter: but for the solver it is exact.
    const above = energy / (2 * (1 - s) ** 2) - 1;
    expect(Math.abs(normalisedPathEnergy / above - 1)).toBeLessThan(0.02);
    one.delete();
  });

  it('are refused with all that is wrong', () => {
    const one = make(config);
    const wrong = { field: 'guessed', options: plainField, count: 0, seed: 0.5 };
    const { run, problems } = wasm.startTrajectories(one, wrong);
    expect(run).toBeNull();
    expect(problems.map(({ field }) => field)).toEqual(['field', 'count', 'seed']);
    one.delete();
  });
});

describe('the likelihood of a class', () => {
  it('is that of its field: the exact one gives the density of the class', () => {
    const labelled = make({ ...config, labels: true });
    const options = { ...plainField, guidance: { label: 1, scale: 0 } };
    const likelihood = {
      field: 'exact',
      options,
      solver: 'dopri5',
      steps: 20,
      tolerance: 1e-5,
      probes: 0,
      seed: 0,
    };
    // Component k of the ring is at the angle 2 pi k / 3.
    const mean = [4 * Math.cos((2 * Math.PI) / 3), 4 * Math.sin((2 * Math.PI) / 3)] as const;
    const points = Float32Array.of(...mean, mean[0] + 0.5, mean[1] - 0.25);
    const { run, problems } = wasm.startLikelihood(labelled, likelihood, points);
    expect(problems).toEqual([]);
    while (!there(run).advance(forever));
    const peak = -Math.log(2 * Math.PI * 0.25);
    const logDensity = [...there(run).result().logDensity];
    expect(logDensity[0]).toBeCloseTo(peak, 3);
    expect(logDensity[1]).toBeCloseTo(peak - (0.25 + 0.0625) / (2 * 0.25), 3);
    // Under another schedule it is the same density.
    const cosine = { ...options, schedule: { ...options.schedule, schedule: 'cosine' } };
    const ofCosine = { ...likelihood, options: cosine };
    const other = there(wasm.startLikelihood(labelled, ofCosine, points).run);
    while (!other.advance(forever));
    expect(other.result().logDensity[0]).toBeCloseTo(peak, 3);
    // Fresh data of the class are as likely as they can be.
    const { run: data } = wasm.startDataLikelihood(labelled, likelihood, 200, 0);
    while (!there(data).advance(forever));
    expect(there(data).result().divergence).toBeCloseTo(0, 3);
    expect(there(data).result().entropy).toBeCloseTo(1 + Math.log(2 * Math.PI * 0.25), 6);
    labelled.delete();
  });

  it('is refused of a class that there is not', () => {
    const plain = make(config);
    const options = { ...plainField, guidance: { label: 1, scale: 0 } };
    const likelihood = {
      field: 'exact',
      options,
      solver: 'rk4',
      steps: 5,
      tolerance: 1e-5,
      probes: 0,
      seed: 0,
    };
    const { problems } = wasm.startDataLikelihood(plain, likelihood, 10, 0);
    expect(problems).toMatchObject([{ field: 'likelihood.options.guidance.label' }]);
    plain.delete();
  });
});
