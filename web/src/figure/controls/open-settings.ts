/**
 * Opens what was saved, by the page or by the command `flowmatch`: settings, or a whole run; and saves the run. What of
 * settings the page cannot take is said beside it. A file that is neither changes nothing, nor does a run of which
 * anything is wrong.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { EngineError } from '../../engine/client';
import { describeProblem } from '../../state/problems';
import { defaultState, keys, settings, type State } from '../../state/settings';
import { formatCount } from '../format';
import type { LoadOwnData } from '../load-parts';
import type { Session } from '../session';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';

/** Milliseconds in which the browser has surely begun to save. */
const savingTime = 2500;
/** Problems of a file that are told one by one. */
const mostTold = 4;

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

  /** Fetches the reader of settings. */
  @property({ attribute: false }) loadOwnData: LoadOwnData = () => Promise.reject(new Error());
  /** Whose run is saved, and makes room for one that is opened. */
  @property({ attribute: false }) session: Session | undefined;
  /** The settings of that run. */
  @property({ attribute: false }) inForce: State = defaultState;

  /** What is on its way, or has been done. */
  @state() private told = '';
  @state() private problems: readonly string[] = [];
  /** The buttons stay: one that goes takes the keyboard’s focus with it. */
  #busy = false;

  protected override render(): TemplateResult {
    return html`
      <div class="open">
        <button
          title="Settings as JSON, or a run with its weights"
          @click=${() => {
            this.renderRoot.querySelector<HTMLInputElement>('input')?.click();
          }}
        >
          Open settings or a run…
        </button>
        <input
          type="file"
          hidden
          accept=".json,.safetensors,application/json"
          @change=${(event: Event) => void this.#open(event)}
        />
        <button
          title="The weights and all that training needs to go on, for flowmatch train --resume, and for PyTorch"
          @click=${() => void this.#save()}
        >
          Save the run
        </button>
        <p role="status">${this.told}</p>
        ${
          this.problems.length === 0
            ? nothing
            : html`<p class="refusal" role="alert">${shortened(this.problems)}</p>`
        }
      </div>
    `;
  }

  async #open(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    await this.#attempt(async () => {
      const { isSafetensors } = await import('../run-file');
      if (isSafetensors(await file.slice(0, 8).arrayBuffer())) await this.#openRun(file);
      else await this.#openSettings(file);
    });
    // The same file can be opened again, after it was corrected.
    input.value = '';
  }

  async #openSettings(file: File): Promise<void> {
    const text = await file.text();
    const { readRunConfig } = await this.loadOwnData();
    const { state, problems } = readRunConfig(text);
    this.problems = problems.map(describeProblem);
    if (problems.some(({ field }) => field === 'file')) return;
    this.told = `Opened ${file.name}.`;
    this.dispatchEvent(new ChangeEvent(withoutView(state)));
  }

  async #openRun(file: File): Promise<void> {
    this.told = `Opening ${file.name}…`;
    const { openRun } = await import('../run-file');
    const { session } = this;
    if (!session) return;
    const { state, opened, problems } = await openRun(file, session);
    if (!this.isConnected || session !== this.session) {
      // The figure has gone, or begun anew, in the meantime.
      opened.experiment.dispose();
      return;
    }
    this.problems = problems.map(describeProblem);
    const steps = formatCount(opened.trained.stepsDone);
    this.told = `Opened ${file.name}, a run after step ${steps}. A link would train it anew: send the file.`;
    this.dispatchEvent(new ChangeEvent(withoutView(state), opened));
  }

  async #save(): Promise<void> {
    await this.#attempt(async () => {
      const { runFile } = await import('../run-file');
      if (!this.session) return;
      const { name, content, stepsDone } = await runFile(this.session, this.inForce);
      const anchor = document.createElement('a');
      anchor.href = URL.createObjectURL(content);
      anchor.download = name;
      anchor.click();
      setTimeout(() => {
        URL.revokeObjectURL(anchor.href);
      }, savingTime);
      this.told = `Saved ${name}, the run after step ${formatCount(stepsDone)}.`;
    });
  }

  /** One thing at a time; what cannot be done is said. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.told = '';
    this.problems = [];
    try {
      await work();
    } catch (thrown) {
      this.told = '';
      const { problems = [], message = String(thrown) } = thrown as Partial<EngineError>;
      this.problems = problems.length > 0 ? problems.map(describeProblem) : [message];
    } finally {
      this.#busy = false;
    }
  }
}

/** The first of many. */
function shortened(problems: readonly string[]): string {
  const more = problems.length - mostTold;
  const told = problems.slice(0, mostTold).join(' ');
  return more > 0 ? `${told} And ${formatCount(more)} more of the kind.` : told;
}

/** The reader's own view stays. */
function withoutView(state: State): Partial<State> {
  const run = keys.filter((key) => settings[key].group !== 'view');
  return Object.fromEntries(run.map((key) => [key, state[key]]));
}
