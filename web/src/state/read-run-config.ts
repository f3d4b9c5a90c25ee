/**
 * A configuration in JSON as the state of a figure: what the page has saved (run-config.ts), what the command
 * `flowmatch` writes, or what somebody wrote by hand for it. Reading never fails: what is wrong or what the page
 * has no setting for is reported, and the preset's own value stands in its place.
 */
import type { Problem } from '../engine/protocol';
import type { Reading } from './link';
import { fitted, readValue } from './link';
import { pointsText, type PointRow } from './points-text';
import { isPresetName, presetNames, presets } from './presets';
import { shortFloat } from './run-config';
import { assemble, defaultState, matters, settings, type Key, type State } from './settings';

/** An object of the document: where its values belong in the state. */
interface Places {
  readonly [name: string]: Key | Places;
}

const scheduleOf = (keys: readonly [Key, Key, Key, Key]): Places => ({
  schedule: keys[0],
  exponent: keys[1],
  betaMin: keys[2],
  betaMax: keys[3],
});

/** Where the name is the same nothing is said. */
const own = (...names: readonly Key[]): Places =>
  Object.fromEntries(names.map((name) => [name, name]));

const places: Places = {
  ...own('method', 'cnfSolver', 'cnfSteps', 'couplingLayers', 'maxLogScale'),
  ...own('prediction', 'couplingBatches', 'hidden', 'activation', 'labels', 'labelDropout'),
  ...own('batchSize', 'learningRate', 'learningRateDecay', 'warmupSteps', 'weightDecay'),
  ...own('gradientClip', 'emaDecay', 'steps', 'seed'),
  schedule: scheduleOf(['schedule', 'exponent', 'betaMin', 'betaMax']),
  timeLaw: {
    law: 'timeLaw',
    ...own('logitMean', 'logitScale', 'logNoiseMean', 'logNoiseScale', 'fixedTime'),
  },
  lossWeighting: { weighting: 'lossWeighting', ...own('gamma') },
  coupling: own('coupling', 'labelAware', 'regularisation'),
  timeFeatures: {
    kind: 'timeFeatures',
    count: 'timeFeatureCount',
    scale: 'timeFeatureScale',
    seed: 'timeFeatureSeed',
  },
  stop: {
    metric: 'stopMetric',
    below: 'stopBelow',
    every: 'stopEvery',
    patience: 'stopPatience',
    count: 'stopCount',
  },
  sampler: {
    ...own('solver', 'diffusion', 'particles', 'probes'),
    steps: 'solverSteps',
    rtol: 'tolerance',
    seed: 'noiseSeed',
    guidance: { label: 'label', scale: 'guidance' },
    schedule: scheduleOf([
      'samplingSchedule',
      'samplingExponent',
      'samplingBetaMin',
      'samplingBetaMax',
    ]),
  },
};

/** The setting that a part of the document is, by its path; undefined of a part of the data, and of what is none. */
export function keyOfField(field: string): Key | undefined {
  let place: Key | Places | undefined = places;
  for (const name of field.split('.')) {
    place = typeof place === 'object' && Object.hasOwn(place, name) ? place[name] : undefined;
  }
  return typeof place === 'string' ? place : undefined;
}

/** What the page always does so, and the command may do otherwise. */
const always: Readonly<Record<string, unknown>> = {
  'sampler.field': 'learned',
  'sampler.tStart': 0,
  'sampler.tEnd': 1,
  'adam.beta1': 0.9,
  'adam.beta2': 0.999,
  'adam.epsilon': 1e-8,
};
/** What makes no difference on the page: its solver takes one tolerance, and never gives up. */
const ignored = new Set(['sampler.atol', 'sampler.maxSteps']);

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of points as a setting has it. */
type WritePoints = (rows: readonly PointRow[]) => string;

/** Not rounded, but to the floats that the engine has of them: a link of them is long. */
export const exactPointsText: WritePoints = (rows) =>
  rows
    .map(([x = 0, y = 0, ...label]) =>
      [shortFloat(Math.fround(x)), shortFloat(Math.fround(y)), ...label].join('_'),
    )
    .join(' ');

export function readRunConfig(text: string, writePoints: WritePoints = pointsText): Reading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const value = text.trim() === '' ? '' : message;
    const problem = { field: 'file', value, allowed: 'settings as JSON, or a saved run' };
    return { state: defaultState, problems: [problem] };
  }
  if (!isObject(json)) {
    const problem = { field: 'file', value: shown(json), allowed: 'an object' };
    return { state: defaultState, problems: [problem] };
  }
  const { preset = 'quick', data, source, ...rest } = json;
  const problems: Problem[] = [];
  let base: State = defaultState;
  if (typeof preset === 'string' && isPresetName(preset)) base = presets[preset];
  else {
    const allowed = `one of ${presetNames.join(', ')}`;
    problems.push({ field: 'preset', value: shown(preset), allowed });
  }
  const texts = new Map<Key, string>();
  collect(rest, places, '', texts, problems);
  if (data !== undefined) collectData(data, ofTarget, 'data', texts, problems, writePoints);
  if (source !== undefined && source !== null) {
    collectData(source, ofSource, 'source', texts, problems, writePoints);
  }
  const state = assemble((key) => {
    const value = texts.get(key);
    if (value === undefined) return base[key];
    const reading = readValue(key, value);
    if (reading.ok) return reading.value;
    problems.push(reading.problem);
    return base[key];
  });
  return { state: fitted(withoutIdle(state), problems), problems };
}

/** A document says all settings, those that mean nothing as well: they would lie in wait until they do. */
function withoutIdle(state: State): State {
  const isIdle = (key: Key) => settings[key].group === 'experiment' && !matters(key, state);
  return assemble((key) => (isIdle(key) ? settings[key].default : state[key]));
}

function collect(
  object: Json,
  where: Places,
  path: string,
  texts: Map<Key, string>,
  problems: Problem[],
): void {
  for (const [name, value] of Object.entries(object)) {
    const field = path === '' ? name : `${path}.${name}`;
    const place = where[name];
    if (place === undefined || value === null) {
      leaveOut(field, value, problems);
    } else if (typeof place === 'string') {
      texts.set(place, textOf(place, value));
    } else if (isObject(value)) {
      collect(value, place, field, texts, problems);
    } else if (name === 'schedule' && typeof value === 'string') {
      // The name alone, without the parameters.
      collect({ schedule: value }, place, field, texts, problems);
    } else {
      problems.push({ field, value: shown(value), allowed: 'an object' });
    }
  }
}

/** Nothing is lost without a word: what has no place here must be as the page does it. */
function leaveOut(field: string, value: unknown, problems: Problem[]): void {
  if (value === null || ignored.has(field)) return;
  if (isObject(value)) {
    for (const [name, each] of Object.entries(value)) leaveOut(`${field}.${name}`, each, problems);
    return;
  }
  if (field in always) {
    if (always[field] === value) return;
    problems.push({ field, value: shown(value), allowed: `${shown(always[field])} on the page` });
    return;
  }
  problems.push({ field, value: shown(value), allowed: 'absent: there is no such setting' });
}

/** As a link writes it. */
function textOf(key: Key, value: unknown): string {
  if (settings[key].kind === 'class' && value === -1) return 'all';
  if (Array.isArray(value)) return value.map(shown).join('-');
  return typeof value === 'string' ? value : shown(value);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

// --- Data

/** The settings of the target or of the source. */
interface DataKeys {
  readonly set: 'dataSet' | 'source';
  readonly parameters: Key;
  readonly mixture: Key;
  readonly points: Key;
  readonly smoothing: Key;
}

const ofTarget: DataKeys = {
  set: 'dataSet',
  parameters: 'parameters',
  mixture: 'mixture',
  points: 'points',
  smoothing: 'smoothing',
};
const ofSource: DataKeys = {
  set: 'source',
  parameters: 'sourceParameters',
  mixture: 'sourceMixture',
  points: 'sourcePoints',
  smoothing: 'sourceSmoothing',
};

function collectData(
  data: unknown,
  of: DataKeys,
  path: string,
  texts: Map<Key, string>,
  problems: Problem[],
  writePoints: WritePoints,
): void {
  if (!isObject(data)) {
    problems.push({ field: path, value: shown(data), allowed: 'an object' });
    return;
  }
  const { dataSet = 'ring', ...rest } = data;
  if ('points' in rest) {
    collectPoints(rest, of, path, texts, problems, writePoints);
  } else if ('weights' in rest || 'means' in rest || 'covariances' in rest) {
    collectMixture(rest, of, path, texts, problems);
  } else if (dataSet === 'ring' && of.set === 'dataSet') {
    texts.set('dataSet', 'ring');
    const ring = own('components', 'radius', 'standardDeviation');
    collect(rest, ring, 'data', texts, problems);
  } else {
    texts.set(of.set, shown(dataSet));
    const rows = Object.entries(rest).map(([name, value]) => `${name}_${shown(value)}`);
    texts.set(of.parameters, rows.join(' '));
  }
}

const numbersIn = (value: unknown): number[] | undefined =>
  Array.isArray(value) && value.every((each) => typeof each === 'number') ? value : undefined;

function collectMixture(
  data: Json,
  of: DataKeys,
  path: string,
  texts: Map<Key, string>,
  problems: Problem[],
): void {
  const weights = numbersIn(data['weights']) ?? [];
  const means = (data['means'] as unknown[] | undefined) ?? [];
  const covariances = (data['covariances'] as unknown[] | undefined) ?? [];
  const rows = weights.map((weight, k) => {
    const [x, y, ...more] = numbersIn(means[k]) ?? [];
    const [first, second] = (covariances[k] as unknown[] | undefined) ?? [];
    const [xx, xy] = numbersIn(first) ?? [];
    const [, yy] = numbersIn(second) ?? [];
    if (more.length > 0 || x === undefined || y === undefined) return undefined;
    if (xx === undefined || xy === undefined || yy === undefined) return undefined;
    const [sx, sy] = [Math.sqrt(xx), Math.sqrt(yy)];
    return [weight, x, y, sx, sy, correlationOf(xy, sx, sy)];
  });
  if (rows.length === 0 || rows.includes(undefined)) {
    const allowed = 'weights, means of two numbers, and covariances of two rows, as many of each';
    problems.push({ field: path, value: shown(data), allowed });
    return;
  }
  texts.set(of.set, 'mixture');
  texts.set(of.mixture, rows.map((row) => row?.join('_')).join(' '));
}

/** Of the numbers next to the quotient, which is rounded, the one that gives the covariance back (configs.ts). */
function correlationOf(covariance: number, sx: number, sy: number): number {
  const quotient = covariance / (sx * sy);
  const unit = (Math.abs(quotient) * Number.EPSILON) / 2;
  const near = [0, 1, -1, 2, -2, 3, -3].map((units) => quotient + units * unit);
  return near.find((correlation) => correlation * sx * sy === covariance) ?? quotient;
}

function collectPoints(
  data: Json,
  of: DataKeys,
  path: string,
  texts: Map<Key, string>,
  problems: Problem[],
  writePoints: WritePoints,
): void {
  const points = Array.isArray(data['points']) ? data['points'].map(numbersIn) : [];
  const labels = numbersIn(data['labels']);
  const wrong = points.findIndex((point) => point?.length !== 2);
  if (wrong >= 0 || points.length === 0) {
    const field = wrong >= 0 ? `${path}.points[${String(wrong)}]` : `${path}.points`;
    const value = shown(wrong >= 0 ? (data['points'] as unknown[])[wrong] : data['points']);
    problems.push({ field, value, allowed: 'two numbers: the page shows the plane' });
    return;
  }
  if (labels && labels.length !== points.length) {
    const allowed = `${String(points.length)}, one for each point`;
    problems.push({ field: `${path}.labels`, value: String(labels.length), allowed });
    return;
  }
  texts.set(of.set, 'points');
  texts.set(
    of.points,
    writePoints(points.map((point, i) => [...(point ?? []), ...(labels ? [labels[i] ?? 0] : [])])),
  );
  texts.set(of.smoothing, shown(data['smoothing'] ?? 0));
}
