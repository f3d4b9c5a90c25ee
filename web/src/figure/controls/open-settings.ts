/**
 * Opens a file of settings that was saved, by the page or by the command `flowmatch`. What of it the page cannot
 * take is said beside it; a file that is none changes nothing.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { describeProblem } from '../../state/problems';
import { keys, settings, type State } from '../../state/settings';
import type { LoadOwnData } from '../load-parts';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';

export class OpenSettings extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .open {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 12px;
        align-items: center;
      }

      p {
        margin: 0;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .refusal {
        color: var(--refused);
      }
    `,
  ];

  /** Fetches the reader of such files. */
  @property({ attribute: false }) loadOwnData: LoadOwnData = () => Promise.reject(new Error());

  @state() private opened = '';
  @state() private problems: readonly string[] = [];

  protected override render(): TemplateResult {
    return html`
      <div class="open">
        <button
          @click=${() => {
            this.renderRoot.querySelector<HTMLInputElement>('input')?.click();
          }}
        >
          Open saved settings…
        </button>
        <input type="file" hidden accept=".json,application/json" @change=${this.#open} />
        ${this.opened === '' ? nothing : html`<p role="status">${this.opened}</p>`}
        ${
          this.problems.length === 0
            ? nothing
            : html`<p class="refusal" role="alert">${this.problems.join(' ')}</p>`
        }
      </div>
    `;
  }

  readonly #open = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    this.opened = '';
    this.problems = [];
    try {
      const text = await file.text();
      const { readRunConfig } = await this.loadOwnData();
      const { state, problems } = readRunConfig(text);
      this.problems = problems.map(describeProblem);
      if (problems.some(({ field }) => field === 'file')) return;
      this.opened = `Opened ${file.name}.`;
      // The reader's own view stays.
      const run = keys.filter((key) => settings[key].group !== 'view');
      const change = Object.fromEntries(run.map((key) => [key, state[key]])) as Partial<State>;
      this.dispatchEvent(new ChangeEvent(change));
    } catch (thrown) {
      this.problems = [thrown instanceof Error ? thrown.message : String(thrown)];
    } finally {
      // The same file can be opened again, after it was corrected.
      input.value = '';
    }
  };
}
