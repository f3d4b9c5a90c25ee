/**
 * Points of the reader's own: pasted or typed as CSV, loaded from a file, or drawn. Text that cannot be read is
 * kept with what is wrong beside it, and the points before it stay in force.
 */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import type { ParsedPoints, Problem } from '../../engine/protocol';
import { csvOf, pointsText, roundingOf, rowsOf, type PointRow } from '../../state/points-text';
import { rowsIn } from '../../state/setting';
import { maxPoints } from '../../state/settings';
import { formatCount, plural } from '../format';
import { controls } from '../style/controls';
import type { StrokeEvent } from './drawing-area';
import { ChangeEvent } from './events';

/** The engine's reader of CSV; `labelColumn` -1: the one that the header names. Rejects with its problems. */
export type ParsePoints = (csv: string, labelColumn: number) => Promise<ParsedPoints>;

/** How many places a reader can go back. */
const longestHistory = 50;
/** Classes that can be drawn, or as many as there are. */
const drawableClasses = 4;

export class PointsEditor extends LitElement {
  static override readonly styles = [
    controls,
    css`
      .editor {
        display: grid;
        grid-template-columns: minmax(0, 260px) minmax(0, 1fr);
        gap: 16px 20px;
        align-items: start;
      }

      .side {
        display: grid;
        gap: 8px;
      }

      .drawing {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px;
        align-items: end;
      }

      label {
        display: grid;
        gap: 5px;
      }

      label span {
        color: var(--muted);
        font-size: 0.8125rem;
      }

      textarea {
        width: 100%;
        min-height: 218px;
        padding: 8px 10px;
        border: 1px solid var(--edge);
        border-radius: 8px;
        background: var(--ground);
        color: var(--ink);
        font:
          0.875rem/1.45 ui-monospace,
          'SF Mono',
          Menlo,
          Consolas,
          monospace;
        resize: vertical;
      }

      textarea[aria-invalid='true'] {
        border-color: var(--refused);
        box-shadow: 0 0 0 1px var(--refused);
      }

      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }

      .refusal,
      .state {
        margin: 0;
        font-size: 0.8125rem;
      }

      .refusal {
        color: var(--refused);
      }

      .refusal ul {
        margin: 4px 0 0;
        padding-left: 18px;
      }

      .state {
        color: var(--muted);
      }

      @media (pointer: coarse) {
        /* Below this size a telephone zooms in on what is typed into. */
        textarea {
          font-size: 1rem;
        }
      }

      @container (max-width: 559px) {
        .editor {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  /** The text of the setting. */
  /** Of the target or of the source. */
  @property({ attribute: false }) key: 'points' | 'sourcePoints' = 'points';
  @property({ attribute: false }) value = '';
  @property({ attribute: false }) problems: readonly Problem[] = [];
  @property({ attribute: false }) parse: ParsePoints = () => Promise.reject(new Error());

  /** What stands in the field; undefined when it is the points in force. */
  @state() private text: string | undefined;
  @state() private refusals: readonly string[] = [];
  @state() private reading = false;
  /** The next stroke is the first. */
  @state() private afresh = false;
  @state() private label = -1;
  /** What was in force before, the latest last. */
  @state() private history: readonly string[] = [];
  /** Counts what was asked to be read: only the last of it counts. */
  #asked = 0;

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    // Set by somebody else, such as a preset: what stands in the field is not about these points any more.
    if (changed.get('value') !== undefined) {
      this.text = undefined;
      this.refusals = [];
      this.afresh = false;
    }
  }

  protected override render(): TemplateResult {
    const rows = this.#rows();
    const refusals = [
      ...this.refusals,
      ...this.problems.map(({ value, allowed }) => `must be ${allowed}, not ${value}`),
    ];
    return html`
      <div class="editor">
        ${this.#drawing(rows)}
        <div class="side">
          <label>
            <span>Points as CSV: x, y and, if you like, a class from 0</span>
            <textarea
              spellcheck="false"
              autocomplete="off"
              aria-invalid=${refusals.length > 0 ? 'true' : 'false'}
              aria-describedby=${refusals.length > 0 ? 'refusal' : 'state'}
              .value=${live(this.text ?? csvOf(rows))}
              @input=${(event: Event) => {
                this.text = (event.target as HTMLTextAreaElement).value;
              }}
              @keydown=${this.#onKey}
            ></textarea>
          </label>
          ${refusals.length > 0 ? refused(refusals) : nothing}
          <div class="buttons">
            <button ?disabled=${this.text === undefined || this.reading} @click=${this.#use}>
              Use these points
            </button>
            <button
              @click=${() => {
                this.renderRoot.querySelector<HTMLInputElement>('input[type=file]')?.click();
              }}
            >
              Load a file…
            </button>
            <input
              type="file"
              hidden
              accept=".csv,.tsv,.txt,text/csv,text/plain"
              @change=${this.#load}
            />
            ${
              this.text === undefined
                ? nothing
                : html`<button class="quiet" @click=${this.#forget}>Discard the text</button>`
            }
          </div>
          <p class="state" id="state" role="status">${this.#state(rows)}</p>
        </div>
      </div>
    `;
  }

  /** The points in use; none when the reader begins anew. */
  #rows(): readonly PointRow[] {
    return this.afresh ? [] : rowsIn(this.value);
  }

  #drawing(rows: readonly PointRow[]): TemplateResult {
    const labelled = rows[0]?.length === 3;
    const most = rows.reduce((largest, row) => Math.max(largest, (row[2] ?? 0) + 1), 0);
    const classes = Math.max(drawableClasses, labelled ? most : 0);
    return html`
      <div class="side">
        <flow-matching-drawing
          .rows=${rows}
          .label=${this.#drawnLabel(rows)}
          @stroke=${this.#draw}
        ></flow-matching-drawing>
        <div class="drawing">
          <label>
            <span>Draw as</span>
            <select
              @change=${(event: Event) => {
                this.label = Number((event.target as HTMLSelectElement).value);
              }}
            >
              ${labelled ? nothing : html`<option value="-1" .selected=${this.label < 0}>no class</option>`}
              ${Array.from(
                { length: classes },
                (_, index) =>
                  html`<option value=${index} .selected=${index === this.#drawnLabel(rows)}>
                    class ${index}
                  </option>`,
              )}
            </select>
          </label>
          <div class="buttons">
            <button
              ?disabled=${this.history.length === 0 || this.text !== undefined}
              @click=${this.#undo}
            >
              Undo
            </button>
            <button
              ?disabled=${this.afresh}
              @click=${() => {
                this.#forget();
                this.afresh = true;
              }}
            >
              Clear
            </button>
          </div>
        </div>
      </div>
    `;
  }

  /** Points either all have a class or none. */
  #drawnLabel(rows: readonly PointRow[]): number {
    return rows[0]?.length === 3 ? Math.max(0, this.label) : this.label;
  }

  #state(rows: readonly PointRow[]): string {
    if (this.reading) return 'Reading…';
    if (this.afresh) return 'Draw the first points, or write them; until then the old ones stay.';
    const unit = roundingOf(rows);
    return `${plural(rows.length, 'point')} in use, rounded to ${String(unit)}.`;
  }

  // --- Text

  readonly #use = (): void => {
    if (this.text !== undefined) void this.#read(this.text);
  };

  /** As in a form, the keyboard has a way to be done with a field of many lines. */
  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#use();
  };

  readonly #forget = (): void => {
    this.#asked++;
    this.text = undefined;
    this.refusals = [];
    this.reading = false;
  };

  readonly #load = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    // The same file can be chosen again, after it was corrected.
    const text = await file?.text();
    input.value = '';
    if (text === undefined) return;
    this.text = text;
    await this.#read(text);
  };

  async #read(csv: string): Promise<void> {
    const rows = await this.#parsed(csv);
    if (rows) this.#change(rows);
  }

  /** The points of a text; undefined where they cannot be used, or something else was asked for meanwhile. */
  async #parsed(csv: string): Promise<PointRow[] | undefined> {
    const asked = ++this.#asked;
    this.reading = true;
    this.refusals = [];
    try {
      const rows = await this.#parse(csv);
      return asked === this.#asked ? rows : undefined;
    } catch (thrown) {
      if (asked === this.#asked) this.refusals = refusalsOf(thrown);
      return undefined;
    } finally {
      if (asked === this.#asked) this.reading = false;
    }
  }

  /** Without a header that says so, a third column is that of the classes. */
  async #parse(csv: string): Promise<PointRow[]> {
    let parsed = await this.parse(csv, -1);
    if (parsed.columns === 3 && parsed.labels.length === 0) parsed = await this.parse(csv, 2);
    if (parsed.columns !== 2) {
      const are = parsed.columns === 1 ? 'is one' : `are ${String(parsed.columns)}`;
      throw new Refusal(`there must be two columns of coordinates, x and y; there ${are}`);
    }
    const rows = rowsOf(parsed);
    if (rows.length > maxPoints) {
      throw new Refusal(
        `there may be ${formatCount(maxPoints)} points; there are ${formatCount(rows.length)}. The command flowmatch takes more`,
      );
    }
    return rows;
  }

  // --- Drawing

  /** Behind the points that there are, of the text too if it is not used yet. */
  readonly #draw = async ({ places }: StrokeEvent): Promise<void> => {
    const before = this.text === undefined ? this.#rows() : await this.#parsed(this.text);
    if (!before) return;
    const label = this.#drawnLabel(before);
    const rows =
      label < 0
        ? [...before, ...places]
        : [
            ...before.map((row) => (row.length === 3 ? row : [...row, 0])),
            ...places.map((place) => [...place, label]),
          ];
    if (rows.length <= maxPoints) this.#change(rows);
    else this.refusals = [`there may be ${formatCount(maxPoints)} points`];
  };

  readonly #undo = (): void => {
    const points = this.history.at(-1);
    if (points === undefined) return;
    this.history = this.history.slice(0, -1);
    this.dispatchEvent(new ChangeEvent({ [this.key]: points }));
  };

  #change(rows: readonly PointRow[]): void {
    this.text = undefined;
    this.afresh = false;
    const points = pointsText(rows);
    if (points === this.value) return;
    this.history = [...this.history, this.value].slice(-longestHistory);
    this.dispatchEvent(new ChangeEvent({ [this.key]: points }));
  }
}

/** What the editor itself has against points that could be read. */
class Refusal extends Error {}

/** One line for each problem. */
function refusalsOf(thrown: unknown): string[] {
  const problems = (thrown as { problems?: readonly Problem[] }).problems ?? [];
  if (problems.length === 0) return [thrown instanceof Error ? thrown.message : String(thrown)];
  return problems.map(
    ({ field, value, allowed }) =>
      `${field}: must be ${allowed}, not ${value === '' ? 'nothing' : value}`,
  );
}

function refused(refusals: readonly string[]): TemplateResult {
  return html`
    <div class="refusal" id="refusal" role="alert">
      These points cannot be used; the old ones stay in force.
      <ul>
        ${refusals.map((refusal) => html`<li>${refusal}.</li>`)}
      </ul>
    </div>
  `;
}
