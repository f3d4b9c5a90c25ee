/**
 * A training run in one file, as the command `flowmatch` writes it, resumes it and samples from it, and PyTorch reads
 * it: the configuration and all of the state, under the names that core/io/include/flowmatch/io/checkpoint.h gives.
 *
 * Not here: reading one (read-checkpoint.ts), or the format of such files (safetensors.ts).
 */
import type { ExperimentConfig, SavedRun, StopMemory } from '../engine/protocol';
import { classCount, experimentConfigOf } from './configs';
import { runConfigJson } from './run-config';
import { safetensorsParts, type FloatTensor } from './safetensors';
import type { State } from './settings';

/** Name of the file that a run is saved as. */
export const checkpointFile = 'flowmatch.safetensors';

/** What the metadata calls it, and the version of the names and their meaning; of a newer one a file is refused. */
export const checkpointFormat = 'flowmatch';
export const checkpointVersion = 1;

/** What stands before the names of the parameters in each of the arrays, in the order of the file. */
export const arrayPrefixes = {
  parameters: '',
  ema: 'ema.',
  firstMoment: 'adam.first_moment.',
  secondMoment: 'adam.second_moment.',
} as const;
export type ArrayName = keyof typeof arrayPrefixes;
export const arrayNames = Object.keys(arrayPrefixes) as readonly ArrayName[];

/** A tensor of the parameters. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
}

/** All figures are of the plane. */
const dimension = 2;

/**
 * The tensors of a model, in the order in which its parameters lie: those of a multilayer perceptron, whose layers are
 * a torch.nn.Sequential of linear maps with the activation between two. `classes`: of the data, if it has any.
 */
export function parametersOf(config: ExperimentConfig, classes: number): readonly Parameter[] {
  const { hidden, labels, timeFeatures, method } = config;
  if (method && 'couplingLayers' in method) {
    return Array.from({ length: method.couplingLayers }, (_, coupling) =>
      layersOf(`couplings.${String(coupling)}.`, [1, ...hidden, 2]),
    ).flat();
  }
  const times = timeFeatures.kind === 'plain' ? 1 : timeFeatures.count;
  // The network is told one of the classes, or none of them.
  const widths = [dimension + times + (labels ? classes + 1 : 0), ...hidden, dimension];
  return layersOf('', widths);
}

function layersOf(prefix: string, widths: readonly number[]): Parameter[] {
  return widths.slice(1).flatMap((outputs, layer) => [
    { name: `${prefix}layers.${String(2 * layer)}.weight`, shape: [outputs, widths[layer] ?? 0] },
    { name: `${prefix}layers.${String(2 * layer)}.bias`, shape: [outputs] },
  ]);
}

export const sizeOf = ({ shape }: Parameter): number =>
  shape.reduce((product, extent) => product * extent, 1);

/**
 * The parts of the file, of the settings in force. Throws where the model's tensors are not those that are known here.
 */
export function checkpointParts(
  { state, stop, timeFrequencies, version }: SavedRun,
  settings: State,
): (Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>)[] {
  const parameters = parametersOf(experimentConfigOf(settings), classCount(settings));
  const config = JSON.parse(runConfigJson(settings)) as object;
  const tensors = arrayNames.flatMap((array) =>
    split(state[array], parameters, arrayPrefixes[array]),
  );
  return safetensorsParts(tensors, {
    // The command leaves out nothing but what is as it would be anyway; a reader in Python looks for the source.
    config: JSON.stringify({ source: null, ...config }, null, 2),
    createdBy: `flowmatch ${version}`,
    diverged: String(state.diverged),
    format: checkpointFormat,
    formatVersion: String(checkpointVersion),
    stepsDone: String(state.stepsDone),
    ...(stop ? { stop: stopText(stop) } : {}),
    timeFrequencies: JSON.stringify(timeFrequencies),
  });
}

/** The tensors of one array; none of an empty one. */
function split(
  array: Float32Array,
  parameters: readonly Parameter[],
  prefix: string,
): FloatTensor[] {
  if (array.length === 0) return [];
  let first = 0;
  const tensors = parameters.map((parameter): FloatTensor => {
    const numbers = array.subarray(first, first + sizeOf(parameter));
    first += sizeOf(parameter);
    return {
      name: prefix + parameter.name,
      shape: parameter.shape,
      numbers: numbers as Float32Array<ArrayBuffer>,
    };
  });
  if (first !== array.length) {
    throw new Error('A run of such a model cannot be saved: its tensors have no names here.');
  }
  return tensors;
}

/** JSON has no infinity. */
function stopText({ lossSum, losses, last, best, sinceBest, reason }: StopMemory): string {
  const text = (value: number): number | string => {
    if (Number.isFinite(value)) return value;
    if (Number.isNaN(value)) return 'nan';
    return value > 0 ? 'infinity' : '-infinity';
  };
  return JSON.stringify({
    lossSum: text(lossSum),
    losses,
    last: text(last),
    best: text(best),
    sinceBest,
    reason,
  });
}
