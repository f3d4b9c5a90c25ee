import { describe, expect, it } from 'vitest';
import type { DataConfig, MethodConfig, Metrics } from '../../../web/src/engine/protocol';
import { linkState, linkTo } from '../../../web/src/figure/address';
import { titleOf, type Integrals } from '../../../web/src/figure/panel-title';
import { panelsOf, takeover, type PanelKind } from '../../../web/src/figure/scenes';
import { summarise, type Showing } from '../../../web/src/figure/summary';
import { readLink } from '../../../web/src/state/link';
import { defaultState } from '../../../web/src/state/settings';

const metrics: Metrics = {
  slicedW2: 0.3,
  slicedW2Floor: 0.14,
  energyDistance: 0.006,
  energyDistanceFloor: 0.0018,
  withinThree: 0.98,
  withinThreeTruth: 0.989,
  modeShares: new Float32Array(11),
  count: 10_000,
  stepsDone: 3200,
  seconds: 1,
};

const showing: Showing = {
  phase: 'paused',
  state: { ...defaultState, view: 'difference' },
  t: 0.62,
  playing: false,
  drawing: true,
  stepsDone: 3200,
  kind: { rectified: 1, student: false },
  stepsShown: 3200,
  diverged: false,
  rms: 0.312,
  metrics,
};

describe('the summary', () => {
  it('says what is shown, with the numbers', () => {
    expect(summarise(showing)).toBe(
      't = 0.62. 2,000 particles, the exact field and the learned field after 3,200 steps, and a map of ' +
        'their difference; RMS difference 0.31; energy distance 0.0060, floor 0.0018. ' +
        'Training is paused at step 3,200.',
    );
  });

  it('does not change while the flow plays', () => {
    const playing = { ...showing, playing: true };
    expect(summarise({ ...playing, t: 0.1, rms: 1 })).toBe(summarise({ ...playing, t: 0.9 }));
  });

  it('says what goes on out of sight', () => {
    const hidden = { ...showing, drawing: false };
    expect(summarise({ ...hidden, phase: 'training' })).toContain('training goes on');
    expect(summarise(hidden)).toMatch(/drawing has stopped\.$/);
  });

  it('calls a run on own pairs by its name', () => {
    const second = { ...showing, kind: { rectified: 2, student: false } };
    expect(summarise(second)).toContain('and the 2-rectified flow after 3,200 steps');
    const student = { ...showing, kind: { rectified: 2, student: true }, stepsShown: 0 };
    expect(summarise(student)).toContain('and the one-step student, not trained yet');
  });

  it('says what is wrong', () => {
    expect(summarise({ ...showing, diverged: true })).toContain('diverged after step 3,200');
    expect(summarise({ ...showing, phase: 'error' })).toContain('not running');
  });
});

describe('the link', () => {
  const run = { phase: 'flowing', stepsDone: 0, stepsTotal: 5000 } as const;

  it('asks for no training before there was any', () => {
    expect(linkState(defaultState, run, 0.5)).toMatchObject({ train: false, trainUntil: 0 });
  });

  it('asks for as many steps as its sender had trained', () => {
    const paused = linkState(defaultState, { ...run, phase: 'paused', stepsDone: 640 }, 0.5);
    expect(paused).toMatchObject({ train: true, trainUntil: 640 });
    const done = linkState(defaultState, { ...run, phase: 'done', stepsDone: 5000 }, 0.5);
    expect(done).toMatchObject({ train: true, trainUntil: 0 });
  });

  it('has the moment that is shown, if one is', () => {
    expect(linkState(defaultState, run, 0.5).t).toBe(0);
    expect(linkState({ ...defaultState, playing: false }, run, 0.51239).t).toBe(0.5124);
  });

  it('can be read back, whatever it is put on', () => {
    const state = { ...defaultState, seed: 7, playing: false, t: 0.25 };
    const url = linkTo('https://figures.example/post/?v=1&seed=3#figure', state);
    expect(url.hash).toBe('#figure');
    expect(readLink(url.search)).toEqual({ state, problems: [] });
  });
});

describe('the views', () => {
  it('have one panel or two', () => {
    expect(panelsOf('side')).toEqual(['exact', 'learned']);
    expect(panelsOf('difference')).toEqual(['both', 'difference']);
    expect(panelsOf('likelihood')).toEqual(['exactDensity', 'learnedDensity']);
    expect(panelsOf('exact')).toEqual(['exact']);
    expect(panelsOf('learned')).toEqual(['learned']);
  });

  it('call a run by its method', () => {
    const run = (method: MethodConfig | null) => {
      const session = { exact: null, learned: null, label: -1, method };
      return [titleOf('learned', session, undefined), titleOf('both', session, undefined)];
    };
    const [cnf, both] = run({ cnfSolver: 'rk4', cnfSteps: 8 });
    expect(cnf?.heading.values).toEqual(['CNF']);
    expect(cnf?.label).toContain('moved by the CNF');
    expect(both?.heading.values).toEqual(['CNF']);
    expect(run({ couplingLayers: 8, maxLogScale: 2 })[1]?.heading.values).toEqual([
      'normalizing flow',
    ]);
    expect(run(null)[0]?.heading.values).toEqual(['Learned field']);
  });

  it('say of a density what it integrates to, once that is known', () => {
    const learned = { integral: 0.9984, stepsDone: 1240 };
    const title = (kind: PanelKind, integrals?: Integrals) =>
      titleOf(kind, undefined, undefined, integrals);
    expect(title('learnedDensity').note).toBe('');
    expect(title('learnedDensity', { exact: 1, learned }).note).toBe('integrates to 0.998');
    const absence = 'none, as the source has none';
    expect(title('learnedDensity', { exact: 1, learned: null, absence }).note).toBe(absence);
    expect(title('learnedDensity', { exact: 1, learned }).heading.values).toEqual([', step 1,240']);
    expect(title('exactDensity', { exact: 1, learned: null }).note).toBe('integrates to 1.000');
    const heading = (data: DataConfig, source: DataConfig | null = null) =>
      titleOf('exactDensity', undefined, { data, source }).heading.values;
    expect(heading({ dataSet: 'moons' })).toEqual([' of 512 points']);
    expect(heading({ dataSet: 'eight_gaussians' })).toEqual(['']);
    const given = (count: number, smoothing: number) =>
      heading({ points: new Float32Array(2 * count), smoothing });
    expect(given(1024, 0.1)).toEqual(['']);
    expect(given(1025, 0.1)).toEqual([' of 512 points']);
    expect(given(10, 0)).toEqual([' of 512 points']);
    expect(heading({ dataSet: 'eight_gaussians' }, { dataSet: 'moons' })).toEqual([
      ' of some points',
    ]);
    expect(titleOf('both', undefined, { data: { dataSet: 'moons' }, source: null }).note).toBe(
      'same noise',
    );
    const source: DataConfig = { dataSet: 'eight_gaussians' };
    expect(titleOf('both', undefined, { data: { dataSet: 'moons' }, source }).note).toBe(
      'same start',
    );
  });

  it('let a new clip take over smoothly, unless it is another cloud or the reader wants stillness', () => {
    const clip = (length: number) => ({
      times: Float64Array.of(0, 1),
      positions: new Float32Array(length),
      arrows: null,
      functionEvaluations: 1,
      stepsDone: 0,
      seconds: 0,
    });
    const grid = { xMin: 0, xMax: 1, yMin: 0, yMax: 1, columns: 2, rows: 2 };
    const shown = { clip: clip(8), previous: clip(8), since: 1000, arrowGrid: grid };
    expect(takeover(shown, 1000, false)).toBe(0);
    expect(takeover(shown, 1140, false)).toBeCloseTo(0.5);
    expect(takeover(shown, 2000, false)).toBe(1);
    expect(takeover(shown, 1000, true)).toBe(1);
    expect(takeover({ ...shown, previous: clip(4) }, 1000, false)).toBe(1);
    expect(takeover({ ...shown, previous: null }, 1000, false)).toBe(1);
  });
});
