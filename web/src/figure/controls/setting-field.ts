/**
 * One setting with its control: a choice, a switch or a text that is read when the reader is done with it.
 * A value out of range is refused beside the control with what is allowed; the old value stays in force.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import type { Problem } from '../../engine/protocol';
import { readValue } from '../../state/link';
import { settings, writeValue, type Key, type State } from '../../state/settings';
import { words } from '../../state/words';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';

export class SettingField extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .field {
        display: grid;
        gap: 5px;
        align-content: start;
      }

      .name {
        display: flex;
        gap: 8px;
        justify-content: space-between;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .waits {
        color: var(--learned-text);
      }

      .switch {
        display: flex;
        gap: 8px;
        align-items: center;
        min-height: 36px;
      }

      input[type='checkbox'] {
        width: 16px;
        height: 16px;
        margin: 0;
        accent-color: var(--ink);
      }

      .refusal {
        margin: 0;
        color: var(--refused);
        font-size: 0.8125rem;
      }
    `,
  ];

  @property({ attribute: false }) key: Key = 'steps';
  @property({ attribute: false }) value: State[Key] = 0;
  /** Of the setting that chooses a class, how many there are. */
  @property({ attribute: false }) classes = 0;
  /** Choices that the other settings leave no room for. */
  @property({ attribute: false }) without: readonly string[] = [];
  /** The value is not in force yet. */
  @property({ type: Boolean }) waits = false;
  /** What the engine says against the value that was tried. */
  @property({ attribute: false }) problem: Problem | undefined = undefined;

  /** What stands in the field and is not allowed; undefined when it is the value. */
  @state() private refusedText: string | undefined;

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('value') && changed.get('value') !== undefined) this.refusedText = undefined;
  }

  protected override render(): TemplateResult {
    const setting = settings[this.key];
    if (setting.kind === 'switch') {
      return html`
        <label class="switch">
          <input
            type="checkbox"
            .checked=${live(this.value === true)}
            @change=${() => {
              this.#change(this.value !== true);
            }}
          />
          ${words[this.key].label}
        </label>
      `;
    }
    return html`
      <div class="field">
        <label class="name" for="control">
          <span>${words[this.key].label}</span>
          ${this.waits ? html`<span class="waits">on restart</span>` : nothing}
        </label>
        ${this.#control()}
      </div>
    `;
  }

  #control(): TemplateResult {
    const setting = settings[this.key];
    const named = words[this.key];
    if ('choices' in named) {
      const all = Object.entries(named.choices);
      return this.#select(all.filter(([name]) => !this.without.includes(name)));
    }
    if (setting.kind === 'class') return this.#select(classChoices(this.classes));
    return this.#input();
  }

  #select(choices: readonly (readonly [name: string, label: string])[]): TemplateResult {
    const chosen = writeValue(this.key, this.value);
    const { problem } = this;
    return html`
      <select
        id="control"
        aria-invalid=${problem ? 'true' : 'false'}
        aria-describedby=${problem ? 'refusal' : nothing}
        @change=${(event: Event) => {
          this.#read((event.target as HTMLSelectElement).value);
        }}
      >
        ${choices.map(
          ([name, label]) =>
            html`<option value=${name} .selected=${name === chosen}>${label}</option>`,
        )}
      </select>
      ${
        problem
          ? html`<p class="refusal" id="refusal" role="alert">
              Must be ${problem.allowed}, not ${problem.value}.
            </p>`
          : nothing
      }
    `;
  }

  #input(): TemplateResult {
    const setting = settings[this.key];
    const inForce = writeValue(this.key, this.value);
    const text = this.refusedText ?? inForce;
    const refusal = this.#refusal(inForce);
    const mode =
      setting.kind !== 'number' ? nothing : setting.whole ? ('numeric' as const) : 'decimal';
    return html`
      <input
        id="control"
        type="text"
        autocomplete="off"
        spellcheck="false"
        inputmode=${mode}
        aria-invalid=${refusal ? 'true' : 'false'}
        aria-describedby=${refusal ? 'refusal' : nothing}
        .value=${live(text)}
        @change=${(event: Event) => {
          this.#read((event.target as HTMLInputElement).value);
        }}
        @keydown=${this.#onKey}
      />
      ${refusal ? html`<p class="refusal" id="refusal" role="alert">${refusal}</p>` : nothing}
    `;
  }

  #refusal(inForce: string): string | undefined {
    const setting = settings[this.key];
    const stays = `${inForce === '' ? 'No hidden layer' : inForce} stays in force.`;
    if (this.refusedText !== undefined) return `Must be ${setting.allowed}. ${stays}`;
    if (this.problem) return `Must be ${this.problem.allowed}, not ${this.problem.value}. ${stays}`;
    return undefined;
  }

  #read(text: string): void {
    const reading = readValue(this.key, text);
    if ('value' in reading) {
      this.refusedText = undefined;
      this.#change(reading.value);
    } else {
      this.refusedText = text;
    }
  }

  #change(value: State[Key]): void {
    this.requestUpdate();
    this.dispatchEvent(new ChangeEvent({ [this.key]: value }));
  }

  /** Escape puts the value that is in force back. */
  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || this.refusedText === undefined) return;
    this.refusedText = undefined;
    event.stopPropagation();
  };
}

/** All of them first: an object would put the numbers before it. */
function classChoices(classes: number): readonly (readonly [name: string, label: string])[] {
  const numbers = Array.from({ length: classes }, (_, index) => String(index));
  return [['all', 'all classes'], ...numbers.map((name) => [name, `class ${name}`] as const)];
}
