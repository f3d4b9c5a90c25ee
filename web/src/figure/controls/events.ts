/** What the controls of a figure tell it. The events bubble up to the figure, and never leave it. */
import type { State } from '../../state/settings';
import type { OpenedRun } from '../session';

/** The reader has set some of the state, to allowed values. */
export class ChangeEvent extends Event {
  static readonly type = 'figure-change';

  /** `opened`: a run of all that the change says. */
  constructor(
    readonly change: Partial<State>,
    readonly opened?: OpenedRun,
  ) {
    super(ChangeEvent.type, { bubbles: true });
  }
}

/** What the reader can ask of a training run and of the figure as a whole. */
export type Command =
  | 'train'
  | 'pause'
  | 'step'
  | 'reset'
  /** Restart with the settings that wait for it; or put the old values back. */
  | 'apply-waiting'
  | 'drop-waiting'
  | 'preset-quick'
  | 'preset-blog';

export class CommandEvent extends Event {
  static readonly type = 'figure-command';

  constructor(readonly command: Command) {
    super(CommandEvent.type, { bubbles: true });
  }
}
