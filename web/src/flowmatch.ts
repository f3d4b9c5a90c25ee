/**
 * The script that a page loads, its own or a blog author's:
 *
 *     <script type="module" src="https://…/flowmatch.js"></script>
 *     <flow-matching></flow-matching>
 *
 * It registers the element, and everything else follows from the elements that the page has.
 */
import { Engine } from './engine/client';
import { defineElements } from './figure/elements';
import { FlowMatching } from './figure/flow-matching';
import { readAttributes, readLink } from './state/link';

// The page of the figure lies beside this script, wherever that was loaded from.
const here = import.meta.env.DEV ? location.origin : import.meta.url;
FlowMatching.home = new URL('.', here);

// The engine goes on its way before the elements are made, which keeps the page busy for a moment: the reader
// waits for both. A figure further down starts it when the reader comes near.
const first = document.querySelector('flow-matching');
if (first && first.getBoundingClientRect().top < 1.5 * innerHeight) {
  const { state } = first.hasAttribute('address')
    ? readLink(location.search)
    : readAttributes(first);
  void Engine.shared(state.tier).warmUp().then(defineElements);
} else {
  defineElements();
}

export { FlowMatching };
// The same engine and settings for a page that wants them without the figure.
export { Engine, EngineError } from './engine/client';
export { presets } from './state/presets';
export { experimentConfigOf, samplerConfigOf } from './state/configs';
