/** Which panels are shown, and which layers are drawn in them. */
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { defaultState, settings, type State } from '../../state/settings';
import { words } from '../../state/words';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';

const layers = ['showParticles', 'showTrajectories', 'showArrows', 'showDensity'] as const;

export class ViewBar extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        gap: 12px 24px;
        justify-content: space-between;
      }

      fieldset {
        display: flex;
        flex-wrap: wrap;
        gap: 0 2px;
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }

      legend {
        position: absolute;
        width: 1px;
        height: 1px;
        overflow: hidden;
        clip-path: inset(50%);
      }

      label {
        position: relative;
        display: inline-flex;
        align-items: center;
        gap: 8px;
        min-height: 36px;
        cursor: pointer;
        white-space: nowrap;
        touch-action: manipulation;
      }

      .views label {
        padding: 0 14px;
        border: 1px solid transparent;
        border-radius: 8px;
        color: var(--muted);
      }

      .views label:hover {
        color: var(--ink);
      }

      .views label:has(:checked) {
        border-color: var(--edge);
        background: var(--soft);
        color: var(--ink);
      }

      .views input {
        position: absolute;
        inset: 0;
        margin: 0;
        opacity: 0;
        cursor: pointer;
      }

      .views label:has(:focus-visible) {
        outline: 2px solid var(--focus);
        outline-offset: 2px;
      }

      .layers {
        gap: 0 18px;
      }

      .layers input {
        width: 16px;
        height: 16px;
        margin: 0;
        accent-color: var(--ink);
      }

      @container (max-width: 559px) {
        .views {
          display: grid;
          grid-template-columns: repeat(6, 1fr);
          width: 100%;
        }

        .views label {
          grid-column: span 2;
          justify-content: center;
          padding: 0 4px;
        }

        .views label:nth-of-type(n + 4) {
          grid-column: span 3;
        }

        .layers {
          display: grid;
          grid-template-columns: 1fr 1fr;
          width: 100%;
        }
      }

      @media (pointer: coarse) {
        label {
          min-height: 44px;
        }
      }
    `,
  ];

  @property({ attribute: false }) state: State = defaultState;

  protected override render(): TemplateResult {
    return html`
      <div class="bar">
        <fieldset class="views">
          <legend>View</legend>
          ${settings.view.choices.map(
            (view) => html`
              <label>
                <input
                  type="radio"
                  name="view"
                  value=${view}
                  .checked=${live(this.state.view === view)}
                  @change=${() => {
                    this.#change({ view });
                  }}
                />${words.view.choices[view]}
              </label>
            `,
          )}
        </fieldset>
        <fieldset class="layers">
          <legend>Layers</legend>
          ${layers.map(
            (key) => html`
              <label>
                <input
                  type="checkbox"
                  .checked=${live(this.state[key])}
                  @change=${() => {
                    this.#change({ [key]: !this.state[key] });
                  }}
                />${words[key].label}
              </label>
            `,
          )}
        </fieldset>
      </div>
    `;
  }

  #change(change: Partial<State>): void {
    this.dispatchEvent(new ChangeEvent(change));
  }
}
