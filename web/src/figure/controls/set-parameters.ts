/** The parameters of a set of the literature: those that it has, at first as the literature has them. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { DataSetName, ParameterName, Problem } from '../../engine/protocol';
import { dataSetParameters, type DataSetParameter } from '../../state/data-set-parameters';
import { pairsIn } from '../../state/setting';
import { controls } from '../style/controls';
import { ChangeEvent } from './events';
import { numberIn, type NumberEvent } from './number-field';

const labels: Readonly<Record<ParameterName, string>> = {
  count: 'Number of parts',
  radius: 'Radius',
  turns: 'Turns',
  radialDeviation: 'Deviation along a blade',
  tangentialDeviation: 'Deviation across it',
  rate: 'Twist',
  noise: 'Noise',
  scale: 'Scale',
  shiftX: 'Shift in x',
  shiftY: 'Shift in y',
};

/** What there are `count` of. */
const parts: Readonly<Partial<Record<DataSetName, string>>> = {
  eight_gaussians: 'Gaussians',
  checkerboard: 'Squares along a side',
  pinwheel: 'Blades',
  rings: 'Circles',
  spiral: 'Arms',
};

export class SetParameters extends LitElement {
  static override readonly styles = [
    controls,
    css`
      /* Its fields stand among the settings. */
      :host {
        display: contents;
      }

      button {
        align-self: end;
      }
    `,
  ];

  @property({ attribute: false }) dataSet: DataSetName = 'moons';
  /** Of the target or of the source. */
  @property({ attribute: false }) key: 'parameters' | 'sourceParameters' = 'parameters';
  @property({ attribute: false }) value = '';
  @property({ attribute: false }) problems: readonly Problem[] = [];

  protected override render(): TemplateResult {
    return html`
      ${dataSetParameters[this.dataSet].map((parameter) => this.#field(parameter))}
      ${
        this.value === ''
          ? nothing
          : html`<button
              @click=${() => {
                this.#change({});
              }}
            >
              As in the literature
            </button>`
      }
    `;
  }

  #field({ name, standard, low, high, whole }: DataSetParameter): TemplateResult {
    const values = pairsIn(this.value);
    const label = name === 'count' ? (parts[this.dataSet] ?? labels.count) : labels[name];
    const problem = this.problems.find(({ field }) => field.endsWith(`.parameters.${name}`));
    return html`
      <flow-matching-number
        data-parameter=${name}
        .setting=${numberIn(label, { min: low, max: high, whole })}
        .value=${values[name] ?? standard}
        .problem=${problem && `Must be ${problem.allowed}, not ${problem.value}.`}
        @number-change=${(event: NumberEvent) => {
          this.#change({ ...values, [name]: event.value });
        }}
      ></flow-matching-number>
    `;
  }

  /** Says only what is not as the literature has it. */
  #change(values: Readonly<Record<string, number>>): void {
    const parameters = dataSetParameters[this.dataSet]
      .filter(({ name, standard }) => values[name] !== undefined && values[name] !== standard)
      .map(({ name }) => `${name}_${String(values[name])}`)
      .join(' ');
    this.dispatchEvent(new ChangeEvent({ [this.key]: parameters }));
  }
}
