/**
 * A number with its name, for what is no setting by itself: a parameter of a set, a mean of a mixture. As a
 * setting it is refused out of range, with what is allowed beside it, and the old value stays.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { number, type NumberSetting } from '../../state/setting';
import { controls } from '../style/controls';

/** The reader has set the number to an allowed value. */
export class NumberEvent extends Event {
  static readonly type = 'number-change';

  constructor(readonly value: number) {
    super(NumberEvent.type);
  }
}

/** A number in a range; its name is the one that a reader sees. */
export function numberIn(
  name: string,
  range: Pick<NumberSetting, 'min' | 'max'> & Partial<NumberSetting>,
): NumberSetting {
  return number({ name, group: 'experiment', default: 0, ...range });
}

export class NumberField extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .field {
        display: grid;
        gap: 5px;
        align-content: start;
      }

      .name {
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .refusal {
        margin: 0;
        color: var(--refused);
        font-size: 0.8125rem;
      }
    `,
  ];

  @property({ attribute: false }) setting: NumberSetting = numberIn('', { min: 0, max: 0 });
  @property({ attribute: false }) value = 0;
  /** What somebody else says against the value. */
  @property({ attribute: false }) problem: string | undefined = undefined;

  /** What stands in the field and is not allowed; undefined when it is the value. */
  @state() private refusedText: string | undefined;

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('value') && changed.get('value') !== undefined) this.refusedText = undefined;
  }

  protected override render(): TemplateResult {
    const refusal =
      this.refusedText === undefined
        ? this.problem
        : `Must be ${this.setting.allowed}. ${this.#text} stays in force.`;
    return html`
      <div class="field">
        <label class="name" for="control">${this.setting.name}</label>
        <input
          id="control"
          type="text"
          autocomplete="off"
          spellcheck="false"
          inputmode=${this.setting.whole ? 'numeric' : this.setting.min < 0 ? nothing : 'decimal'}
          aria-invalid=${refusal ? 'true' : 'false'}
          aria-describedby=${refusal ? 'refusal' : nothing}
          .value=${live(this.refusedText ?? this.#text)}
          @change=${(event: Event) => {
            this.#read((event.target as HTMLInputElement).value);
          }}
          @keydown=${this.#onKey}
        />
        ${refusal ? html`<p class="refusal" id="refusal" role="alert">${refusal}</p>` : nothing}
      </div>
    `;
  }

  /** Ready for another number, as when a reader tabs into it. */
  override focus(): void {
    this.renderRoot.querySelector('input')?.select();
    this.renderRoot.querySelector('input')?.focus();
  }

  /** A root or a quotient is not written to its last digit. */
  get #text(): string {
    return String(Number(this.value.toPrecision(7)));
  }

  #read(text: string): void {
    const value = this.setting.read(text);
    this.refusedText = value === undefined ? text : undefined;
    this.requestUpdate();
    if (value !== undefined && text.trim() !== this.#text)
      this.dispatchEvent(new NumberEvent(value));
  }

  /** Escape puts the value that is in force back. */
  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || this.refusedText === undefined) return;
    this.refusedText = undefined;
    event.stopPropagation();
  };
}
