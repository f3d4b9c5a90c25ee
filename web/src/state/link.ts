/**
 * A figure's state from text: the query of a link, or the attributes of an element. Reading never fails: a
 * value that is not allowed is replaced by its default and reported, so that the reader can be told.
 *
 * Not here: making links (write-link.ts), which nobody does before there is something to see; the address bar
 * itself: the figure decides when a link is taken from it or put into it.
 */
import type { Problem } from '../engine/protocol';
import { isPresetName, presetNames, presets } from './presets';
import {
  assemble,
  defaultState,
  keys,
  settings,
  withFittingSolver,
  type Key,
  type State,
} from './settings';

/** Version of the names and meanings in a link; older links are read, newer ones refused. */
export const linkVersion = 1;

export interface Reading {
  readonly state: State;
  /** What could not be taken as it was written; empty for a good link. */
  readonly problems: readonly Problem[];
}

/** One value, or why the text stands for none; the problem names the setting by its key. */
export type ValueReading<K extends Key> =
  | { readonly ok: true; readonly value: State[K] }
  | { readonly ok: false; readonly problem: Problem };

/** Reads the text of one setting, from a link, an attribute or its control. */
export function readValue<K extends Key>(key: K, text: string): ValueReading<K> {
  const { read, allowed } = settings[key];
  const value = read(text);
  if (value === undefined) return { ok: false, problem: { field: key, value: text, allowed } };
  return { ok: true, value: value as State[K] };
}

/** Settings from their names and texts, each at most once, over a preset. */
function read(textOf: (name: string) => string | null): Reading {
  const problems: Problem[] = [];
  const presetText = textOf('preset');
  let base: State = defaultState;
  if (presetText !== null) {
    const name = presetText.trim();
    if (isPresetName(name)) base = presets[name];
    else {
      const allowed = `one of ${presetNames.join(', ')}`;
      problems.push({ field: 'preset', value: presetText, allowed });
    }
  }
  const state = assemble((key) => {
    const text = textOf(settings[key].name);
    if (text === null) return base[key];
    const reading = readValue(key, text);
    if (reading.ok) return reading.value;
    problems.push(reading.problem);
    return base[key];
  });
  return { state: fitted(state, problems), problems };
}

/** With a solver for its fields; another is a problem more. */
export function fitted(state: State, problems: Problem[]): State {
  const fitting = withFittingSolver(state);
  if (fitting !== state) {
    const allowed = 'one of the ODE where the source is not noise or the method not flow matching';
    problems.push({ field: 'solver', value: state.solver, allowed });
  }
  return fitting;
}

/** The state in the query of a link, such as `?v=1&preset=blog&seed=7`. */
export function readLink(query: string): Reading {
  const parameters = new URLSearchParams(query);
  const version = parameters.get('v');
  if (version !== null) {
    const number = /^\d+$/.test(version) ? Number(version) : 0;
    if (number < 1 || number > linkVersion) {
      const allowed =
        number > linkVersion
          ? `at most ${String(linkVersion)}: this link was made by a newer version of the page`
          : `a whole number from 1 to ${String(linkVersion)}`;
      return { state: defaultState, problems: [{ field: 'v', value: version, allowed }] };
    }
  }
  const { state, problems } = read((name) => parameters.get(name));
  const known = new Set(['v', 'preset', ...keys.map((key) => settings[key].name)]);
  const more: Problem[] = [];
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    if (!known.has(name)) {
      more.push({
        field: name,
        value: values.join(', '),
        allowed: unknownSetting,
      });
    } else if (values.length > 1) {
      more.push({
        field: name,
        value: values.join(', '),
        allowed: repeatedSetting,
      });
    }
  }
  return { state, problems: [...problems, ...more] };
}

/** What is allowed of a name that no setting has, and of one that is there more than once. */
export const unknownSetting = 'absent: there is no such setting';
const repeatedSetting = 'given once: the first was taken';

/** The names that an element observes: a preset, and every setting. */
export const attributeNames: readonly string[] = [
  'preset',
  ...keys.map((key) => settings[key].name),
];

/** The state in the attributes of an element; other attributes are none of its business. */
export function readAttributes(element: Pick<Element, 'getAttribute'>): Reading {
  return read((name) => element.getAttribute(name));
}
