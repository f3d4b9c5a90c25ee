/**
 * The script that a page loads, its own or a blog author's:
 *
 *     <script type="module" src="https://…/flowmatch.js"></script>
 *     <flow-matching></flow-matching>
 *
 * It registers the element, and everything else follows from the elements that the page has.
 */
import { defineElements } from './figure/elements';
import { FlowMatching } from './figure/flow-matching';

// The page of the figure lies beside this script, wherever that was loaded from.
const here = import.meta.env.DEV ? location.origin : import.meta.url;
FlowMatching.home = new URL('.', here);

defineElements();

export { FlowMatching };
// The same engine and settings for a page that wants them without the figure.
export { Engine, EngineError } from './engine/client';
export { presets } from './state/presets';
export { experimentConfigOf, samplerConfigOf } from './state/configs';
