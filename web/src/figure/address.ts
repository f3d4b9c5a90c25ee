/** The link that reproduces what a figure shows: its state, with how far it has been trained. */
import { writeLink } from '../state/write-link';
import type { State } from '../state/settings';
import type { Session } from './session';

/** What the link says of a run: whoever opens it trains as far as its sender had. */
export function linkState(
  state: State,
  session: Pick<Session, 'phase' | 'stepsDone' | 'stepsTotal'>,
  t: number,
): State {
  const { phase, stepsDone, stepsTotal } = session;
  const train = phase === 'training' || stepsDone > 0;
  const resting = phase !== 'training' && stepsDone < stepsTotal;
  return {
    ...state,
    t: state.playing ? 0 : Number(t.toFixed(4)),
    train,
    trainUntil: train && resting ? stepsDone : 0,
  };
}

/** `base` with the state as its query. */
export function linkTo(base: string | URL, state: State): URL {
  const url = new URL(base);
  url.search = writeLink(state);
  return url;
}

/** Least milliseconds between two writings of the address: browsers refuse too many. */
const pause = 500;

/** Writes the address of the page, not too often; the last state is always written in the end. */
export class AddressBar {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: (() => State) | undefined;

  save(state: () => State): void {
    this.#state = state;
    this.#timer ??= setTimeout(() => {
      this.flush();
    }, pause);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#state) return;
    const url = linkTo(location.href, this.#state());
    this.#state = undefined;
    if (url.href === location.href) return;
    try {
      history.replaceState(history.state, '', url);
    } catch {
      // A frame without an address of its own, or too many changes at once: the figure works without.
    }
  }
}
