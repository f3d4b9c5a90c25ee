/** The named starting points of the settings, from which a link names only what differs. */
import { assemble, defaultState, settings, type Key, type State } from './settings';

/** The blog post's own example, to the last setting. */
const blog: State = {
  ...defaultState,
  schedule: 'sqrt',
  hidden: [1024, 16],
  activation: 'silu',
  batchSize: 1000,
  learningRate: 0.001,
  learningRateDecay: 'constant',
  emaDecay: 0,
  steps: 5000,
  solver: 'euler',
  solverSteps: 299,
  particles: 1000,
};

/** `quick` is the default: a smaller network on the straight schedule, better in a fraction of the time. */
export const presets = { quick: defaultState, blog } as const satisfies Record<string, State>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as readonly PresetName[];

export function isPresetName(name: string): name is PresetName {
  return (presetNames as readonly string[]).includes(name);
}

/** A preset's run and sampler; the reader's own view of them, and the reader's own data, are kept as they are. */
export function applyPreset(name: PresetName, state: State): State {
  const isOwn = (key: Key) => settings[key].group === 'view' || /mixture$|points$/i.test(key);
  return assemble((key) => (isOwn(key) ? state : presets[name])[key]);
}
