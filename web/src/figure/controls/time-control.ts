/** The time control: play, pause, scrub, speed and loop over t in [0, 1], noise on the left, data on the right. */
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { settings } from '../../state/settings';
import { formatTime } from '../format';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';
import { loopIcon, pauseIcon, playIcon } from './icons';

const speeds = [0.25, 0.5, 1, 2];
/** Step of the slider by a key. */
const step = 0.01;

export class TimeControl extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .row {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto auto auto;
        grid-template-areas: 'play slider time speed loop';
        align-items: center;
        column-gap: 14px;
      }

      .play {
        grid-area: play;
        display: grid;
        place-items: center;
        width: 44px;
        height: 44px;
        padding: 0;
        border: 0;
        border-radius: 50%;
        background: var(--ink);
        color: var(--ground);
      }

      .play:hover:not(:disabled) {
        background: color-mix(in srgb, var(--ink) 84%, var(--ground));
      }

      .slider {
        grid-area: slider;
        position: relative;
        padding-bottom: 4px;
      }

      .ends {
        display: flex;
        justify-content: space-between;
        margin: -9px 2px 0;
        color: var(--muted);
        font-size: 0.8125rem;
        line-height: 1.2;
        pointer-events: none;
      }

      output {
        grid-area: time;
        min-width: 4.6em;
        text-align: right;
        font-variant-numeric: tabular-nums;
      }

      .speed {
        grid-area: speed;
        width: auto;
      }

      .loop {
        grid-area: loop;
        display: grid;
        place-items: center;
        width: 40px;
        height: 40px;
        padding: 0;
        border-color: transparent;
        color: var(--muted);
      }

      .loop[aria-pressed='true'] {
        background: var(--soft);
        border-color: var(--edge);
        color: var(--ink);
      }

      input[type='range'] {
        --thumb: 20px;
        appearance: none;
        display: block;
        width: 100%;
        height: 40px;
        margin: 0;
        background: none;
        cursor: pointer;
        touch-action: pan-y;
      }

      input[type='range']::-webkit-slider-runnable-track {
        height: 4px;
        border-radius: 2px;
        background: linear-gradient(
          to right,
          var(--ink) calc(var(--share) * (100% - var(--thumb)) + var(--thumb) / 2),
          var(--hairline) 0
        );
      }

      input[type='range']::-moz-range-track {
        height: 4px;
        border-radius: 2px;
        background: linear-gradient(
          to right,
          var(--ink) calc(var(--share) * (100% - var(--thumb)) + var(--thumb) / 2),
          var(--hairline) 0
        );
      }

      input[type='range']::-webkit-slider-thumb {
        appearance: none;
        width: var(--thumb);
        height: var(--thumb);
        margin-top: -8px;
        border: 2px solid var(--ground);
        border-radius: 50%;
        background: var(--ink);
        box-shadow: 0 0 0 1px var(--ink);
      }

      input[type='range']::-moz-range-thumb {
        width: 16px;
        height: 16px;
        border: 2px solid var(--ground);
        border-radius: 50%;
        background: var(--ink);
        box-shadow: 0 0 0 1px var(--ink);
      }

      input[type='range']:focus-visible {
        outline: none;
      }

      input[type='range']:focus-visible::-webkit-slider-thumb {
        outline: 2px solid var(--focus);
        outline-offset: 3px;
      }

      input[type='range']:focus-visible::-moz-range-thumb {
        outline: 2px solid var(--focus);
        outline-offset: 3px;
      }

      @container (max-width: 559px) {
        .row {
          grid-template-columns: auto auto minmax(0, 1fr) auto;
          grid-template-areas:
            'slider slider slider slider'
            'play time speed loop';
          row-gap: 8px;
          column-gap: 10px;
        }

        .speed {
          justify-self: end;
        }

        output {
          text-align: left;
        }
      }
    `,
  ];

  @property({ type: Number }) t = 0;
  @property({ type: Boolean }) playing = false;
  @property({ type: Number }) speed = 1;
  @property({ type: Boolean }) loop = true;
  /** What t = 0 is, in a word. */
  @property() from = 'noise';

  protected override render(): TemplateResult {
    const listed = speeds.includes(this.speed)
      ? speeds
      : [...speeds, this.speed].sort((a, b) => a - b);
    return html`
      <div class="row">
        <button
          class="play"
          aria-label=${this.playing ? 'Pause the flow' : 'Play the flow'}
          @click=${() => {
            this.#change({ playing: !this.playing });
          }}
        >
          ${this.playing ? pauseIcon : playIcon}
        </button>
        <div class="slider">
          <input
            type="range"
            min="0"
            max="1"
            step="any"
            aria-label=${`Time t, from ${this.from} at 0 to data at 1`}
            aria-valuetext="t = ${formatTime(this.t)}"
            style="--share: ${this.t}"
            .value=${String(this.t)}
            @input=${this.#onInput}
            @keydown=${this.#onKey}
          />
          <div class="ends" aria-hidden="true"><span>${this.from}</span><span>data</span></div>
        </div>
        <output aria-label="Time t">t = ${formatTime(this.t)}</output>
        <select class="speed" aria-label="Speed" @change=${this.#onSpeed}>
          ${listed.map(
            (speed) =>
              html`<option value=${speed} .selected=${speed === this.speed}>${speed}×</option>`,
          )}
        </select>
        <button
          class="loop"
          aria-label="Loop"
          aria-pressed=${this.loop ? 'true' : 'false'}
          title="Loop"
          @click=${() => {
            this.#change({ loop: !this.loop });
          }}
        >
          ${loopIcon}
        </button>
      </div>
    `;
  }

  #change(change: ChangeEvent['change']): void {
    this.dispatchEvent(new ChangeEvent(change));
  }

  readonly #onInput = (event: Event): void => {
    this.#change({ t: Number((event.target as HTMLInputElement).value), playing: false });
  };

  /** A slider of any step moves by a tenth on a key, which is too far. */
  readonly #onKey = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[event.key];
    const far = { PageDown: -10 * step, PageUp: 10 * step }[event.key];
    const move = by ?? far;
    if (move === undefined) return;
    event.preventDefault();
    const t = Math.min(1, Math.max(0, Math.round((this.t + move) / step) * step));
    this.#change({ t: Number(t.toFixed(4)), playing: false });
  };

  readonly #onSpeed = (event: Event): void => {
    const speed = settings.speed.read((event.target as HTMLSelectElement).value);
    if (speed !== undefined) this.#change({ speed });
  };
}
