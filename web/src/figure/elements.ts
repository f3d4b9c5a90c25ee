/** Registers the figure. Its parts, in files of their own, come when it asks for them (load-parts.ts). */
import { define } from './controls/define';
import { FlowMatching } from './flow-matching';

export function defineElements(): void {
  define('flow-matching', FlowMatching);
}
