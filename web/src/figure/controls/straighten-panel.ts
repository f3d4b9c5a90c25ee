/**
 * Straight paths: what they are good for, the buttons that make a straighter run of the one there is, and what run
 * that is. The numbers are in the quality table.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { MethodConfig } from '../../engine/protocol';
import { formatCount, formatPercent } from '../format';
import { nameOf, ownPairs, type Obstacle, type Straightening } from '../straightening';
import { controls } from '../style/controls';

/** What the reader can do about it, or why nothing. */
const obstacles: Record<Obstacle, string> = {
  engine: '',
  untrained: 'Train the model first: it is its own paths that are made straight.',
  training: 'Pause training, or let it end, to make a straighter run of it.',
  diverged: 'A model whose training diverged has no paths worth following. Reset it first.',
  student: 'A student has no path to straighten, only one step. Go back to make another run.',
};

/** Why the learned paths bend. */
function bendsOf(method: MethodConfig | null): string {
  if (!method) {
    return 'The learned paths bend, because each noise is paired with any data in training.';
  }
  if ('couplingLayers' in method) {
    return 'A normalizing flow has no paths of its own: those drawn undo one coupling after the other.';
  }
  return 'Maximum likelihood asks for an end alone, and leaves the learned paths as bent as they come.';
}

export class StraightenPanel extends LitElement {
  static override readonly styles = [
    controls,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr);
        gap: 10px clamp(24px, 4cqi, 56px);
        align-items: start;
      }

      h3 {
        margin: 0 0 6px;
        font-size: 1em;
        font-weight: 600;
      }

      p {
        max-width: 44em;
        margin: 0;
        color: var(--muted);
        font-size: 0.875rem;
      }

      p + p {
        margin-top: 8px;
      }

      strong {
        color: var(--learned-text);
        font-weight: 600;
      }

      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        margin-bottom: 8px;
      }

      .making {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px 16px;
        align-items: center;
        margin-bottom: 8px;
      }

      .making span {
        font-variant-numeric: tabular-nums;
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

      .refusal {
        color: var(--refused);
      }

      @container (max-width: 859px) {
        section {
          grid-template-columns: minmax(0, 1fr);
        }
      }

      @container (max-width: 559px) {
        .buttons button {
          flex: 1 1 auto;
        }
      }
    `,
  ];

  /** The same object as long as the figure has the same session: it is rendered whenever the figure is. */
  @property({ attribute: false, hasChanged: () => true }) straightening: Straightening | undefined;

  protected override render(): TemplateResult {
    const { straightening } = this;
    return html`
      <section aria-labelledby="heading">
        <div>
          <h3 id="heading">Straight paths</h3>
          ${straightening && straightening.kindBefore !== null ? this.#run(straightening) : this.#idea(straightening)}
        </div>
        ${straightening ? this.#actions(straightening) : nothing}
      </section>
    `;
  }

  #idea(straightening: Straightening | undefined): TemplateResult {
    return html`
      <p>
        Noise that goes to its data in a straight line, at a constant speed, is there in one Euler
        step. ${bendsOf(straightening?.method ?? null)} Reflow pairs each with where its own path
        ends, and trains a new run by flow matching on the straight lines between (Liu et al. 2023,
        rectified flow); a student learns the one step alone.
      </p>
    `;
  }

  #run({ kind, kindBefore, pairs }: Straightening): TemplateResult {
    const before = kindBefore ? nameOf(kindBefore) : '';
    const name = nameOf(kind);
    return html`
      <p>
        This is the <strong>${name}</strong>, trained on ${formatCount(pairs)} pairs: noise, and
        where the ${before} takes it.
        ${
          kind.student
            ? 'It knows the velocity at t = 0 and nothing else, so its cloud moves by one Euler step, whatever solver is chosen.'
            : 'Its paths are to lead from the same noise to the same ends, but without bends.'
        }
      </p>
      <p>
        The exact field is still that of independent pairs. A link and the saved settings give the
        first run, of which this one can be made again.
      </p>
    `;
  }

  #actions(straightening: Straightening): TemplateResult {
    const { making, kind, kindBefore, measures, obstacle, refusal, stochastic } = straightening;
    if (making) return this.#making(straightening, making.student, making.share);
    const why = obstacle ? obstacles[obstacle] : '';
    const again = kind.rectified > 1 && !kind.student ? 'Straighten again' : 'Straighten (reflow)';
    return html`
      <div>
        <div class="buttons" role="group" aria-label="Straight paths">
          <button
            ?disabled=${obstacle !== null}
            aria-describedby="why"
            @click=${() => void straightening.straighten(false)}
          >
            ${again}
          </button>
          <button
            ?disabled=${obstacle !== null}
            aria-describedby="why"
            @click=${() => void straightening.straighten(true)}
          >
            One-step student
          </button>
          ${
            kindBefore
              ? html`<button
                  @click=${() => {
                    straightening.goBack();
                  }}
                >
                  Back to the ${nameOf(kindBefore)}
                </button>`
              : nothing
          }
          ${
            measures
              ? nothing
              : html`<button
                  class="quiet"
                  @click=${() => {
                    straightening.measure();
                  }}
                >
                  Measure straightness
                </button>`
          }
        </div>
        <p id="why">${why}</p>
        ${refusal ? html`<p class="refusal" role="alert">${refusal}</p>` : nothing}
        ${
          stochastic
            ? html`<p>
                The cloud is moved by an SDE, whose paths are never
                straight${
                  kindBefore ? ' and which takes noise and data to be paired at random' : ''
                }:
                choose a solver of the ODE.
              </p>`
            : nothing
        }
      </div>
    `;
  }

  #making(straightening: Straightening, student: boolean, share: number): TemplateResult {
    const what = student
      ? 'the one-step student'
      : `the ${String(straightening.kind.rectified + 1)}-rectified flow`;
    return html`
      <div>
        <div class="making">
          <span>Making ${formatCount(ownPairs)} pairs for ${what}: ${formatPercent(share, 0)}</span>
          <button
            @click=${() => {
              straightening.cancel();
            }}
          >
            Cancel
          </button>
          <progress aria-label="Pairs made" max="1" .value=${share}></progress>
        </div>
        <p>Dormand–Prince moves the noise. The run there is stays as it is until they are made.</p>
      </div>
    `;
  }
}
