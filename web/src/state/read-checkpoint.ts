/**
 * A checkpoint (checkpoint.ts) as a run that goes on on the page: of this page, or of the command `flowmatch`. It is
 * taken as it is or not at all, since a run that is trained on something else is another one.
 */
import { EngineError } from '../engine/errors';
import type {
  ExperimentConfig,
  Problem,
  RunState,
  StopMemory,
  TrainerState,
} from '../engine/protocol';
import {
  arrayPrefixes,
  checkpointFormat,
  checkpointVersion,
  parametersOf,
  sizeOf,
  type ArrayName,
  type Parameter,
} from './checkpoint';
import { classCount, experimentConfigOf } from './configs';
import { exactPointsText, keyOfField, readRunConfig } from './read-run-config';
import { runConfigJson } from './run-config';
import { readSafetensors, shown, type TensorFile } from './safetensors';
import { matters, settings, type Key, type State } from './settings';

/** No checkpoint of the largest network has more bytes. */
export const maxCheckpointBytes = 2 ** 28;
/** Most steps of a run. */
const maxSteps = settings.steps.max;

export interface OpenedCheckpoint {
  /** Its configuration as settings. */
  readonly state: State;
  /** What the engine makes of them: that of the file, number by number. */
  readonly config: ExperimentConfig;
  readonly run: RunState;
  /** What of its sampling the page cannot take: the run is the same without. */
  readonly problems: readonly Problem[];
}

/** Whether a file is a safetensors file, by its first 8 bytes: they are a length there, and no text, as settings are. */
export function isSafetensors(start: ArrayBuffer): boolean {
  const bytes = new Uint8Array(start);
  const isControl = (byte: number) => byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte);
  if (bytes.some(isControl)) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return false;
  } catch {
    return true;
  }
}

/** Throws an EngineError with all that is wrong. */
export function readCheckpoint(file: ArrayBuffer): OpenedCheckpoint {
  const content = readSafetensors(file);
  checkFormat(content);
  const problems: Problem[] = [];
  const configText = metadata(content, 'config', problems);
  const stepsDone = metadata(content, 'stepsDone', problems);
  const diverged = metadata(content, 'diverged', problems);
  const reflow = content.metadata.get('reflow');
  if (reflow !== undefined) {
    problems.push({
      field: '__metadata__.reflow',
      value: shown(reflow),
      allowed:
        'absent: this run was trained on the pairs of another model, without which it cannot go on',
    });
  }
  finish(problems);

  const { state, config, problems: ofSampling } = readConfig(configText);
  const trainer: TrainerState = {
    ...readArrays(content, config, classCount(state), problems),
    stepsDone: wholeNumber(stepsDone),
    diverged: diverged === 'true',
  };
  if (!(trainer.stepsDone <= config.steps)) {
    const allowed = `a whole number from 0 to ${String(config.steps)}, the steps of the whole run`;
    problems.push({ field: '__metadata__.stepsDone', value: shown(stepsDone), allowed });
  }
  if (!trainer.diverged && diverged !== 'false') {
    const field = '__metadata__.diverged';
    problems.push({ field, value: shown(diverged), allowed: 'true or false' });
  }
  const stop = readStop(content.metadata.get('stop'), problems);
  finish(problems);
  return {
    state,
    config,
    run: { state: trainer, stop: config.stop ? stop : null },
    problems: ofSampling,
  };
}

function finish(problems: readonly Problem[]): void {
  if (problems.length > 0) throw EngineError.refused(problems);
}

/** What the metadata must have; adds a problem where it has not. */
function metadata({ metadata }: TensorFile, key: string, problems: Problem[]): string {
  const text = metadata.get(key);
  if (text === undefined) {
    const allowed = 'there: this file is no checkpoint of flowmatch';
    problems.push({ field: `__metadata__.${key}`, value: 'missing', allowed });
  }
  return text ?? '';
}

/** That the file is a checkpoint, and of a version that is known. */
function checkFormat(content: TensorFile): void {
  const problems: Problem[] = [];
  const format = metadata(content, 'format', problems);
  finish(problems);
  if (format !== checkpointFormat) {
    const allowed = `${checkpointFormat}: this file is no checkpoint of flowmatch`;
    problems.push({ field: '__metadata__.format', value: shown(format), allowed });
  }
  finish(problems);
  const text = metadata(content, 'formatVersion', problems);
  finish(problems);
  const version = wholeNumber(text);
  if (version >= 1 && version <= checkpointVersion) return;
  const allowed =
    version > checkpointVersion
      ? `at most ${String(checkpointVersion)}: this checkpoint was made by a newer version of flowmatch than this`
      : 'a whole number from 1';
  finish([{ field: '__metadata__.formatVersion', value: shown(text), allowed }]);
}

/** In decimal digits alone; NaN of any other text. */
function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : NaN;
}

// --- The configuration

/** The settings of a configuration, if they say the very same training. */
function readConfig(text: string): Omit<OpenedCheckpoint, 'run'> {
  const { state, problems } = readRunConfig(text, exactPointsText);
  const ofSampling = (problem: Problem) =>
    problem.field.startsWith('sampler.') ||
    (problem.field in settings && settings[problem.field as Key].group === 'sampler');
  finish(
    problems
      .filter((problem) => !ofSampling(problem))
      .map(({ field, value, allowed }) => ({
        field: field === 'file' ? '__metadata__.config' : field,
        value: shown(value),
        allowed,
      })),
  );
  const taken: unknown = JSON.parse(runConfigJson(state));
  const differences: Problem[] = [];
  compare(JSON.parse(text), taken, '', state, differences);
  finish(differences);
  return { state, config: experimentConfigOf(state), problems: problems.filter(ofSampling) };
}

/** What says nothing of the training, or has been compared already (read-run-config.ts). */
const besides = new Set(['preset', 'sampler', 'adam', 'data.dataSet', 'source.dataSet']);

/** Adds what of the file is not as the page would train it. */
function compare(
  wanted: unknown,
  taken: unknown,
  field: string,
  state: State,
  problems: Problem[],
): void {
  if (besides.has(field) || meansNothing(field, state)) return;
  if (typeof wanted === 'object' && wanted !== null) {
    const parts = typeof taken === 'object' && taken !== null ? taken : {};
    for (const [name, value] of Object.entries(wanted)) {
      const path =
        field === '' ? name : Array.isArray(wanted) ? `${field}[${name}]` : `${field}.${name}`;
      compare(value, (parts as Readonly<Record<string, unknown>>)[name], path, state, problems);
      // Of a long array the first that differs says enough.
      if (Array.isArray(wanted) && problems.length > 0) return;
    }
    return;
  }
  if (
    wanted === (taken ?? null) ||
    sameSchedule(wanted, taken) ||
    samePoint(field, wanted, taken)
  ) {
    return;
  }
  const own = shown(taken ?? 'absent');
  const allowed = `${own}: as near as the page comes to it, and a run goes on only as it began`;
  problems.push({ field, value: shown(wanted), allowed });
}

/** The command writes all, and the page may have what means nothing as it is by default. */
function meansNothing(field: string, state: State): boolean {
  if (field === 'stop') return state.stopMetric === 'none';
  const key = keyOfField(field);
  return key !== undefined && key !== 'labels' && !matters(key, state);
}

/** By its name alone. */
function sameSchedule(wanted: unknown, taken: unknown): boolean {
  return (
    typeof taken === 'object' &&
    taken !== null &&
    'schedule' in taken &&
    typeof wanted === 'string' &&
    taken.schedule === wanted
  );
}

/** Coordinates are floats. */
function samePoint(field: string, wanted: unknown, taken: unknown): boolean {
  const isPoint = /^(data|source)\.points\[/.test(field);
  return isPoint && Math.fround(Number(wanted)) === Math.fround(Number(taken));
}

// --- The state

type Arrays = Record<ArrayName, Float32Array<ArrayBuffer>>;

function readArrays(
  content: TensorFile,
  config: ExperimentConfig,
  classes: number,
  problems: Problem[],
): Arrays {
  const parameters = parametersOf(config, classes);
  const read = (array: ArrayName) =>
    readArray(content, parameters, arrayPrefixes[array], array === 'secondMoment', problems);
  const arrays = {
    parameters: read('parameters'),
    ema: config.emaDecay > 0 ? read('ema') : new Float32Array(0),
    firstMoment: read('firstMoment'),
    secondMoment: read('secondMoment'),
  };
  const wanted = parameters.length * (config.emaDecay > 0 ? 4 : 3);
  if (problems.length === 0 && content.tensors.size !== wanted) {
    const value = `${String(content.tensors.size)} tensors`;
    problems.push({
      field: 'file',
      value,
      allowed: `${String(wanted)}, as the configuration says`,
    });
  }
  return arrays;
}

function readArray(
  { tensors }: TensorFile,
  parameters: readonly Parameter[],
  prefix: string,
  positive: boolean,
  problems: Problem[],
): Float32Array<ArrayBuffer> {
  const before = problems.length;
  const found = parameters.map((parameter) => {
    const name = prefix + parameter.name;
    const tensor = tensors.get(name);
    const wanted = `F32 ${JSON.stringify(parameter.shape)}`;
    const value = tensor ? `${tensor.dtype} ${JSON.stringify(tensor.shape)}` : 'missing';
    if (value !== wanted) {
      problems.push({ field: name, value, allowed: `${wanted}, as the configuration says` });
    }
    return { name, bytes: tensor?.bytes ?? new Uint8Array(0) };
  });
  // Only of tensors that are there is their size known to be one that a file has.
  if (problems.length > before) return new Float32Array(0);
  const array = new Float32Array(parameters.reduce((sum, each) => sum + sizeOf(each), 0));
  let first = 0;
  for (const { name, bytes } of found) {
    // Where a tensor begins in the file is not always where a float may.
    const numbers = new Float32Array(bytes.slice().buffer);
    const wrong = firstWrong(numbers, positive);
    if (wrong !== undefined) {
      const allowed = positive ? 'finite numbers from 0' : 'finite numbers';
      problems.push({ field: name, value: String(wrong), allowed });
    }
    array.set(numbers, first);
    first += numbers.length;
  }
  return array;
}

/** A loop, as there may be millions. */
function firstWrong(numbers: Float32Array, positive: boolean): number | undefined {
  const least = positive ? 0 : -Infinity;
  for (const number of numbers) {
    if (!(Number.isFinite(number) && number >= least)) return number;
  }
  return undefined;
}

/** Without a text the rule begins anew. */
function readStop(text: string | undefined, problems: Problem[]): StopMemory | null {
  if (text === undefined) return null;
  try {
    const json = JSON.parse(text) as Readonly<Record<keyof StopMemory, unknown>>;
    const stop: StopMemory = {
      lossSum: numberOf(json.lossSum),
      losses: countOf(json.losses),
      last: numberOf(json.last),
      best: numberOf(json.best),
      sinceBest: countOf(json.sinceBest),
      reason: reasonOf(json.reason),
    };
    if (!Number.isNaN(stop.best)) return stop;
  } catch {
    // Said below.
  }
  const allowed = 'the state of a stopping rule';
  problems.push({ field: '__metadata__.stop', value: shown(text), allowed });
  return null;
}

const infinities: Readonly<Record<string, number>> = {
  nan: NaN,
  infinity: Infinity,
  '-infinity': -Infinity,
};

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && Object.hasOwn(infinities, value))
    return infinities[value] ?? NaN;
  throw new TypeError('no number');
}

function countOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxSteps) {
    return value;
  }
  throw new TypeError('no count');
}

function reasonOf(value: unknown): StopMemory['reason'] {
  if (value === 'none' || value === 'below' || value === 'no_improvement') return value;
  throw new TypeError('no reason');
}
