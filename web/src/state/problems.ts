/** What a problem is about, whether the page or the engine found it, and what to tell the reader about it. */
import { notFetched, type Problem } from '../engine/protocol';
import { unknownSetting } from './link';
import { keys, type Key } from './settings';
import { words } from './words';

/** What to tell the reader about a problem, in one sentence. */
export function describeProblem(problem: Problem): string {
  if (problem.allowed === unknownSetting) return `${problem.field}: there is no such setting.`;
  if (problem.allowed === notFetched) return problem.value;
  const key = keyOfProblem(problem);
  const named = key === undefined || key.endsWith('arameters');
  const what = named ? problem.field.replace(/^\w+\.parameters\./, '') : words[key].label;
  const value = problem.value === '' ? 'nothing' : problem.value;
  return `${what}: must be ${problem.allowed}, not ${value}.`;
}

/** The settings of the schedule that is sampled under, by the core's names of its parts. */
const ofSamplingSchedule: Readonly<Record<string, Key>> = {
  schedule: 'samplingSchedule',
  exponent: 'samplingExponent',
  betaMin: 'samplingBetaMin',
  betaMax: 'samplingBetaMax',
};

/** The settings of data, by the core's names of its parts. */
const ofData: Readonly<Record<string, Key>> = {
  parameters: 'parameters',
  weights: 'mixture',
  means: 'mixture',
  covariances: 'mixture',
  points: 'points',
  labels: 'points',
};

/** The setting that a problem is about, whether the page or the engine found it; undefined if none is. */
export function keyOfProblem(problem: Problem): Key | undefined {
  // The engine says `data.radius` or `hidden[2]`, this table `radius` and `hidden`.
  const path = problem.field.replace(/\[\d+\]/g, '').split('.');
  const last = path.at(-1) ?? '';
  if (last === 'seed' && path.includes('sampler')) return 'noiseSeed';
  if (last === 'steps' && path.includes('sampler')) return 'solverSteps';
  const part = ofData[path[1] ?? ''];
  if (path[0] === 'data' && part) return part;
  if (path[0] === 'source') {
    const wanted = `source${part ?? path[1] ?? ''}`.toLowerCase();
    return keys.find((key) => key.toLowerCase() === wanted) ?? 'source';
  }
  if (path[0] === 'stop') return keys.find((key) => key.toLowerCase() === path.join(''));
  if (last === 'seed' && path.includes('timeFeatures')) return 'timeFeatureSeed';
  if (path.includes('options')) {
    const parameter = ofSamplingSchedule[last];
    if (parameter) return parameter;
  }
  // Of a choice that has parameters it says `timeLaw.law`.
  return keys.find((key) => key === last) ?? keys.find((key) => path.includes(key));
}
