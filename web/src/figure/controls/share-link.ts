/**
 * What a reader takes away: the link that reproduces what the figure shows (copied, or shown where that is not
 * allowed), and the configuration as a file for the command `flowmatch`.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { fitsLink } from '../../state/write-link';
import { runConfigFile, runConfigJson } from '../../state/run-config';
import { defaultState, type State } from '../../state/settings';
import { controls } from '../style/controls';

/** Milliseconds for which it says that it has copied. */
const praise = 2500;

export class ShareLink extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .share {
        display: flex;
        gap: 12px;
        align-items: center;
        min-height: 44px;
      }

      span {
        color: var(--muted);
        font-size: 0.8125rem;
      }

      /* With more to say than there is room beside the settings, it stands below them. */
      @container (max-width: 719px) {
        :host(:not([fits])) {
          position: static !important;
        }

        :host(:not([fits])) .share {
          flex-wrap: wrap;
        }
      }

      /* Beside it there would be no room for the word Settings. */
      @container (max-width: 379px) {
        :host {
          position: static !important;
        }
      }

      input[type='text'] {
        width: 18em;
        max-width: 38cqi;
      }
    `,
  ];

  /** The link to this moment; undefined when there is none to give. */
  @property({ attribute: false }) link: () => URL | undefined = () => undefined;
  /** Whether there is any. */
  @property({ type: Boolean }) linkable = false;
  /** What the file says. */
  @property({ attribute: false }) state: State = defaultState;

  /** Whether a link can say all of the state. */
  @property({ type: Boolean, reflect: true }) fits = true;

  protected override willUpdate(): void {
    this.fits = !this.linkable || fitsLink(this.state);
  }

  @state() private copied = false;
  /** Shown for copying by hand. */
  @state() private shown: URL | undefined;

  protected override render(): TemplateResult {
    return html`
      <div class="share">
        <span role="status">${this.#note()}</span>
        ${
          this.shown
            ? html`<input
                type="text"
                readonly
                aria-label="Link to this state"
                .value=${this.shown.href}
                @focus=${(event: Event) => {
                  (event.target as HTMLInputElement).select();
                }}
              />`
            : nothing
        }
        <button title="The settings as JSON, for flowmatch train --config" @click=${this.#save}>
          Save settings
        </button>
        ${
          this.linkable
            ? html`<button
                ?disabled=${!this.fits}
                @click=${() => {
                  void this.#copy();
                }}
              >
                Copy link
              </button>`
            : nothing
        }
      </div>
    `;
  }

  #note(): string {
    if (!this.fits) return 'Too many points for a link: saved settings hold them.';
    return this.copied ? 'Copied' : '';
  }

  readonly #save = (): void => {
    const json = new Blob([runConfigJson(this.state)], { type: 'application/json' });
    const anchor = document.createElement('a');
    anchor.href = URL.createObjectURL(json);
    anchor.download = runConfigFile;
    anchor.click();
    // Not at once: the browser has to have begun.
    setTimeout(() => {
      URL.revokeObjectURL(anchor.href);
    }, praise);
  };

  async #copy(): Promise<void> {
    const link = this.link();
    if (!link) return;
    try {
      await navigator.clipboard.writeText(link.href);
      this.shown = undefined;
      this.copied = true;
      setTimeout(() => {
        this.copied = false;
      }, praise);
    } catch {
      // Not every page may write to the clipboard.
      this.shown = link;
    }
  }
}
