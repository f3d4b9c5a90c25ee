/** Copies the link that reproduces what the figure shows; where that is not allowed, shows it. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
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

      input[type='text'] {
        width: 18em;
        max-width: 38cqi;
      }
    `,
  ];

  /** The link to this moment; undefined when there is none to give. */
  @property({ attribute: false }) link: () => URL | undefined = () => undefined;

  @state() private copied = false;
  /** Shown for copying by hand. */
  @state() private shown: URL | undefined;

  protected override render(): TemplateResult {
    return html`
      <div class="share">
        <span role="status">${this.copied ? 'Copied' : nothing}</span>
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
        <button
          @click=${() => {
            void this.#copy();
          }}
        >
          Copy link
        </button>
      </div>
    `;
  }

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
