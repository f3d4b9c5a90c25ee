/** A mixture of Gaussians, component by component: weight, mean, the two deviations and their correlation. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { Problem } from '../../engine/protocol';
import { rowsIn } from '../../state/setting';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';
import { numberIn, type NumberEvent, type NumberField } from './number-field';

const columns = [
  numberIn('Weight', { min: 0, minExcluded: true, max: 1e6 }),
  numberIn('Mean x', { min: -1e4, max: 1e4 }),
  numberIn('Mean y', { min: -1e4, max: 1e4 }),
  numberIn('Deviation x', { min: 0.001, max: 1e4 }),
  numberIn('Deviation y', { min: 0.001, max: 1e4 }),
  numberIn('Correlation', { min: -1, minExcluded: true, max: 1, maxExcluded: true }),
];

/** As the setting has it. */
const maxComponents = 64;

/** What the core says of a component, by its number from 0. */
function componentOf({ field }: Problem): number {
  return Number(/\[(\d+)\]/.exec(field)?.[1] ?? -1);
}

export class MixtureEditor extends LitElement {
  static override readonly styles = [
    controls,
    css`
      ol {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr));
        gap: 12px;
        margin: 0;
        padding: 0;
        list-style: none;
      }

      li {
        padding: 10px 14px 14px;
        border: 1px solid var(--hairline);
        border-radius: 10px;
      }

      fieldset {
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }

      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        margin-bottom: 6px;
      }

      .head span {
        font-weight: 600;
      }

      .head button {
        margin-right: -14px;
      }

      .numbers {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 10px;
      }

      .refusal {
        margin: 8px 0 0;
        color: var(--refused);
        font-size: 0.8125rem;
      }

      .add {
        margin-top: 12px;
      }
    `,
  ];

  /** Of the target or of the source. */
  @property({ attribute: false }) key: 'mixture' | 'sourceMixture' = 'mixture';
  @property({ attribute: false }) value = '';
  @property({ attribute: false }) problems: readonly Problem[] = [];

  protected override render(): TemplateResult {
    const rows = rowsIn(this.value);
    return html`
      <ol>
        ${rows.map((row, index) => this.#component(row, index, rows.length))}
      </ol>
      <button class="add" ?disabled=${rows.length >= maxComponents} @click=${this.#add}>
        Add a component
      </button>
    `;
  }

  #component(row: readonly number[], index: number, count: number): TemplateResult {
    const name = `Component ${String(index + 1)}`;
    const problem = this.problems.find((each) => componentOf(each) === index);
    return html`
      <li>
        <fieldset aria-label=${name}>
          <div class="head">
            <span>${name}</span>
            <button
              class="quiet"
              aria-label=${`Remove component ${String(index + 1)}`}
              ?disabled=${count === 1}
              @click=${() => {
                this.#remove(index);
              }}
            >
              Remove
            </button>
          </div>
          <div class="numbers">
            ${columns.map(
              (setting, column) => html`
                <flow-matching-number
                  .setting=${setting}
                  .value=${row[column] ?? 0}
                  @number-change=${({ value }: NumberEvent) => {
                    this.#set(index, column, value);
                  }}
                ></flow-matching-number>
              `,
            )}
          </div>
          ${
            problem
              ? html`<p class="refusal" role="alert">
                  Must be ${problem.allowed}, not ${problem.value}.
                </p>`
              : nothing
          }
        </fieldset>
      </li>
    `;
  }

  #set(index: number, column: number, value: number): void {
    const rows = rowsIn(this.value).map((row) => [...row]);
    rows[index]?.splice(column, 1, value);
    this.#change(rows);
  }

  /** Where it is seen beside the others; the cursor goes to its weight. */
  readonly #add = (): void => {
    const rows = rowsIn(this.value);
    const farthest = rows.reduce((most, [, x = 0]) => Math.max(most, x), -3);
    this.#change([...rows, [1, farthest + 2, 0, 0.5, 0.5, 0]]);
    void this.#focus('li:last-child flow-matching-number');
  };

  /** The cursor goes to the component that takes its place, not back to the top of the page. */
  #remove(index: number): void {
    const rows = rowsIn(this.value).filter((_, each) => each !== index);
    this.#change(rows);
    const next = Math.min(index, rows.length - 1) + 1;
    void this.#focus(`li:nth-child(${String(next)}) flow-matching-number`);
  }

  async #focus(selector: string): Promise<void> {
    // The state comes back through the figure and the panel.
    await new Promise(requestAnimationFrame);
    await this.updateComplete;
    const field = this.renderRoot.querySelector<NumberField>(selector);
    await field?.updateComplete;
    field?.focus();
  }

  #change(rows: readonly (readonly number[])[]): void {
    const mixture = rows.map((row) => row.join('_')).join(' ');
    this.dispatchEvent(new ChangeEvent({ [this.key]: mixture }));
  }
}
