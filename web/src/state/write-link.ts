/** A figure's state as the query of a link: the other way round from reading it (link.ts). */
import { linkVersion } from './link';
import { presetNames, presets } from './presets';
import { changedKeys, defaultState, keys, settings, writeValue, type State } from './settings';

/**
 * Longest text of a setting that a link carries, some 500 points: servers take addresses of about 8,000
 * characters. In place of a longer one stands nothing, which whoever opens the link is told.
 */
const longestText = 7000;

/** Whether a link says all of the state. */
export function fitsLink(state: State): boolean {
  return keys.every((key) => writeValue(key, state[key]).length <= longestText);
}

/** The query, without its question mark, that `readLink` turns back into this state, if it fits. */
export function writeLink(state: State): string {
  const texts = presetNames.map((preset) => {
    const parameters = new URLSearchParams({ v: String(linkVersion) });
    if (presets[preset] !== defaultState) parameters.set('preset', preset);
    for (const key of changedKeys(state, presets[preset])) {
      const text = writeValue(key, state[key]);
      parameters.set(settings[key].name, text.length > longestText ? '' : text);
    }
    return parameters.toString();
  });
  return texts.reduce((best, text) => (text.length < best.length ? text : best));
}
