/** The training run: its buttons, how far it is, how fast it goes, and what it runs on. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { StopMetricName, Stopped, Tier } from '../../engine/protocol';
import type { Key } from '../../state/settings';
import { words } from '../../state/words';
import { formatCount, formatDuration, formatRate, formatSignificant } from '../format';
import type { Phase } from '../session';
import { controls } from '../style/controls';
import { describeTier } from '../tier-name';
import { CommandEvent, type Command } from './events';

/** What the strip shows. */
export interface Run {
  readonly phase: Phase;
  readonly stepsDone: number;
  readonly stepsTotal: number;
  readonly stepsPerSecond: number;
  readonly secondsLeft: number;
  readonly trainingSeconds: number;
  readonly diverged: boolean;
  /** Why the run was ended by its rule, if it was, and by what. */
  readonly stopped: Stopped | null;
  readonly stopMetric: StopMetricName;
  readonly tier: Tier | null;
  /** Settings that wait for a restart, by their labels. */
  readonly waiting: readonly Key[];
}

const noRun: Run = {
  phase: 'loading',
  stepsDone: 0,
  stepsTotal: 0,
  stepsPerSecond: NaN,
  secondsLeft: NaN,
  trainingSeconds: 0,
  diverged: false,
  stopped: null,
  stopMetric: 'none',
  tier: null,
  waiting: [],
};

const metricNames: Readonly<Record<StopMetricName, string>> = {
  none: '',
  loss: 'the training loss',
  energy_distance: 'the energy distance',
  sliced_w2: 'the sliced W₂',
};

function measured(value: number | null): string {
  return value === null ? 'not a number' : formatSignificant(value);
}

export class TrainingStrip extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .strip {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        align-items: center;
        gap: 16px 32px;
      }

      .buttons {
        display: flex;
        gap: 8px;
      }

      .main {
        min-width: 112px;
      }

      dl {
        display: grid;
        grid-template-columns: minmax(9em, 1.2fr) minmax(5em, 0.7fr) minmax(7em, 1fr) minmax(
            auto,
            max-content
          );
        align-items: end;
        gap: 4px 20px;
        margin: 0;
      }

      dl > div {
        display: flex;
        flex-direction: column-reverse;
        min-width: 0;
      }

      dt {
        color: var(--muted);
        font-size: 0.8125rem;
      }

      dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }

      .total {
        color: var(--muted);
      }

      progress {
        appearance: none;
        grid-column: 1 / -1;
        display: block;
        width: 100%;
        height: 3px;
        border: 0;
        border-radius: 2px;
        overflow: hidden;
        background: var(--hairline);
      }

      progress::-webkit-progress-bar {
        background: var(--hairline);
      }

      progress::-webkit-progress-value {
        background: var(--learned);
      }

      progress::-moz-progress-bar {
        background: var(--learned);
      }

      .note {
        grid-column: 1 / -1;
        display: flex;
        flex-wrap: wrap;
        gap: 8px 12px;
        align-items: center;
        margin: 0;
        padding: 10px 14px;
        border-left: 3px solid var(--learned);
        background: var(--soft);
      }

      .note span {
        flex: 1 1 20em;
      }

      .note.bad {
        border-color: var(--refused);
      }

      @container (max-width: 979px) {
        .strip {
          grid-template-columns: minmax(0, 1fr);
        }

        progress {
          order: -1;
        }
      }

      @container (max-width: 559px) {
        .buttons .main {
          flex: 1;
        }

        dl {
          grid-template-columns: 1.2fr 1fr 1fr;
          gap: 10px 12px;
        }

        dl > div:last-child {
          grid-column: 1 / -1;
        }
      }
    `,
  ];

  @property({ attribute: false }) run: Run = noRun;

  protected override render(): TemplateResult {
    const { phase, stepsDone, stepsTotal, diverged, stopped } = this.run;
    const training = phase === 'training';
    const ready = phase !== 'loading' && phase !== 'error';
    const over = diverged || stopped !== null || (stepsTotal > 0 && stepsDone >= stepsTotal);
    return html`
      <div class="strip">
        <div class="buttons" role="group" aria-label="Training">
          <button
            class="main primary"
            ?disabled=${!ready || (over && !training)}
            @click=${this.#send(training ? 'pause' : 'train')}
          >
            ${training ? 'Pause' : over ? 'Trained' : stepsDone > 0 ? 'Resume' : 'Train'}
          </button>
          <button ?disabled=${!ready || training || over} @click=${this.#send('step')}>
            One step
          </button>
          <button ?disabled=${!ready || stepsDone === 0} @click=${this.#send('reset')}>
            Reset
          </button>
        </div>
        ${this.#figures()}
        <progress
          aria-label="Training steps done"
          max=${Math.max(1, stepsTotal)}
          .value=${stepsDone}
        ></progress>
        ${this.#waiting()} ${diverged ? this.#diverged() : nothing} ${this.#stopped()}
      </div>
    `;
  }

  #figures(): TemplateResult {
    const { phase, stepsDone, stepsTotal, stepsPerSecond, secondsLeft, trainingSeconds, tier } =
      this.run;
    const training = phase === 'training';
    const rate = training
      ? stepsPerSecond
      : trainingSeconds > 0
        ? stepsDone / trainingSeconds
        : NaN;
    return html`
      <dl>
        <div>
          <dt>steps done</dt>
          <dd>
            ${formatCount(stepsDone)}
            <span class="total">of ${stepsTotal > 0 ? formatCount(stepsTotal) : '–'}</span>
          </dd>
        </div>
        <div>
          <dt>steps/s</dt>
          <dd>${formatRate(rate)}</dd>
        </div>
        <div>
          <dt>${training ? 'left' : 'spent training'}</dt>
          <dd>${formatDuration(training ? secondsLeft : trainingSeconds)}</dd>
        </div>
        <div>
          <dt>engine</dt>
          <dd>${describeTier(tier)}</dd>
        </div>
      </dl>
    `;
  }

  #waiting(): TemplateResult | typeof nothing {
    const { waiting } = this.run;
    if (waiting.length === 0) return nothing;
    const labels = waiting.map((key) => words[key].label);
    return html`
      <p class="note" role="status">
        <span>
          Waiting for a restart: ${labels.join(', ').toLowerCase()}. The model shown is still the
          one trained with the old ${waiting.length === 1 ? 'value' : 'values'}.
        </span>
        <button @click=${this.#send('apply-waiting')}>Restart training</button>
        <button class="quiet" @click=${this.#send('drop-waiting')}>
          Keep the old ${waiting.length === 1 ? 'value' : 'values'}
        </button>
      </p>
    `;
  }

  #diverged(): TemplateResult {
    return html`
      <p class="note bad" role="alert">
        <span>
          The loss stopped being a finite number after step ${formatCount(this.run.stepsDone)}:
          training diverged and was stopped. The last finite weights are kept and shown. Choose a
          smaller learning rate or a larger batch, then reset.
        </span>
      </p>
    `;
  }

  #stopped(): TemplateResult | typeof nothing {
    const { stopped, stopMetric, stepsDone } = this.run;
    if (!stopped) return nothing;
    const metric = metricNames[stopMetric];
    const why =
      stopped.reason === 'below'
        ? `${metric} is ${measured(stopped.last)}, below what was asked for`
        : `${metric} has not fallen any more since it was ${measured(stopped.best)}`;
    return html`
      <p class="note" role="status">
        <span>Stopped early, after step ${formatCount(stepsDone)}: ${why}.</span>
      </p>
    `;
  }

  #send(command: Command): () => void {
    return () => this.dispatchEvent(new CommandEvent(command));
  }
}
