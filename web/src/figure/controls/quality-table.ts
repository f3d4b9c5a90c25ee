/**
 * How near the generated samples are to the target: two distances with their floors and their history, how likely
 * the flow makes fresh samples of it, how straight it goes there, and how the generated ones share themselves out
 * over the modes.
 */
import { css, html, LitElement, nothing, svg, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { DataLikelihood, Metrics, Trajectories } from '../../engine/protocol';
import { sparkline } from '../data/sparkline';
import { formatCount, formatPercent, formatSignificant } from '../format';
import { nameOf, type Straightening } from '../straightening';
import { controls } from '../style/controls';

/** What the table shows. */
export interface Quality {
  readonly latest: Metrics | null;
  readonly history: readonly Metrics[];
  readonly likelihood: DataLikelihood | null;
  readonly likelihoodHistory: readonly DataLikelihood[];
  readonly straightening: Pick<
    Straightening,
    'latest' | 'history' | 'before' | 'kind' | 'kindBefore'
  > | null;
  readonly stepsTotal: number;
}

const sparkWidth = 96;
const sparkHeight = 26;

function row(
  name: string,
  now: string,
  floor: string,
  history: TemplateResult | typeof nothing,
  was = '',
): TemplateResult {
  return html`
    <tr>
      <th scope="row">${name}</th>
      <td class="now">${now}${was === '' ? nothing : html`<small>was ${was}</small>`}</td>
      <td class="floor">${floor}</td>
      <td class="chart">${history}</td>
    </tr>
  `;
}

/** Nats: differences of a few hundredths are what there is to see. */
function fixed(nats: number, digits = 2): string {
  if (!Number.isFinite(nats)) return '–';
  return Math.abs(nats) >= 1e4 ? formatSignificant(nats) : nats.toFixed(digits).replace('-', '−');
}

/**
 * Where it is known what the samples should have, only how far they are from it has to be estimated: which samples
 * were drawn then hardly matters, and no field comes out below the floor by luck.
 */
function negativeLogLikelihoodOf(likelihood: DataLikelihood): number {
  const { negativeLogLikelihood, entropy, divergence } = likelihood;
  return entropy === null || divergence === null ? negativeLogLikelihood : entropy + divergence;
}

function standardErrorOf(likelihood: DataLikelihood): number {
  const { standardError, entropy, divergenceError } = likelihood;
  return entropy === null || divergenceError === null ? standardError : divergenceError;
}

/** The negative log-likelihood of the same samples under the target itself. */
function entropyOfSamples({ negativeLogLikelihood, divergence }: DataLikelihood): number | null {
  // Of two huge numbers the difference is their rounding.
  return divergence === null || !(Math.abs(divergence) < 1e6)
    ? null
    : negativeLogLikelihood - divergence;
}

function straightnessNote({ straightening }: Quality): string {
  if (!straightening?.latest) return '';
  const { latest, before, kind, kindBefore } = straightening;
  const was = before && kindBefore ? ` “Was”: of the ${nameOf(kindBefore)}.` : '';
  const leap = 'After one Euler step: where a single step from the noise ends.';
  if (kind.student) return `${leap}${was}`;
  return (
    `Straightness: the mean of |v − (X₁ − X₀)|² along ${formatCount(latest.count)} learned paths; ` +
    '0 where all are straight, at constant speed. Path energy: how far the mean of |v|² is above ' +
    'the least that any flow to the same ends needs, as a share of it; 0 for optimal ' +
    `transport. ${leap}${was}`
  );
}

function likelihoodNote(likelihood: DataLikelihood | null): string {
  if (!likelihood) return '';
  const { count, divergence } = likelihood;
  const error = formatSignificant(standardErrorOf(likelihood), 1);
  const text =
    `NLL: the mean of −log p of ${formatCount(count)} fresh samples, with the learned flow’s p ` +
    `(± ${error}); floor: the entropy of the data.`;
  return divergence === null ? text : `${text} KL: how far it is above that.`;
}

export class QualityTable extends LitElement {
  static override readonly styles = [
    controls,
    css`
      h3 {
        margin: 0 0 6px;
        font-size: 1em;
        font-weight: 600;
      }

      table {
        width: 100%;
        border-collapse: collapse;
        font-variant-numeric: tabular-nums;
      }

      th {
        padding: 0;
        font-weight: 400;
        text-align: left;
      }

      thead th {
        padding-bottom: 4px;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      tbody tr {
        height: 44px;
        border-top: 1px solid var(--hairline);
      }

      tbody tr:last-child {
        border-bottom: 1px solid var(--hairline);
      }

      td,
      thead th.value {
        padding: 0 0 0 12px;
        text-align: right;
        white-space: nowrap;
      }

      .now {
        color: var(--learned-text);
        font-weight: 600;
      }

      .now small {
        display: block;
        color: var(--muted);
        font-weight: 400;
        font-size: 0.8125rem;
        line-height: 1.2;
      }

      .floor {
        color: var(--muted);
      }

      .chart {
        width: ${sparkWidth + 12}px;
      }

      .chart svg {
        margin-left: auto;
      }

      .modes {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 16px;
        align-items: end;
        min-height: 58px;
        padding-top: 14px;
      }

      .modes svg {
        width: 100%;
        height: 40px;
      }

      .modes small {
        display: block;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .note {
        min-height: 2.9em;
        margin: 8px 0 0;
        color: var(--muted);
        font-size: 0.8125rem;
      }
    `,
  ];

  @property({ attribute: false }) quality: Quality = {
    latest: null,
    history: [],
    likelihood: null,
    likelihoodHistory: [],
    straightening: null,
    stepsTotal: 1,
  };

  protected override render(): TemplateResult {
    const { latest } = this.quality;
    return html`
      <h3>Distance to the data</h3>
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="visually-hidden">Measure</span></th>
            <th scope="col" class="value">learned</th>
            <th scope="col" class="value">floor</th>
            <th scope="col" class="value">so far</th>
          </tr>
        </thead>
        <tbody>
          ${this.#distance('Sliced W₂', 'slicedW2', 'slicedW2Floor')}
          ${this.#distance('Energy distance', 'energyDistance', 'energyDistanceFloor')}
          ${this.#likelihood()} ${this.#divergence()} ${this.#straightness()} ${this.#within()}
        </tbody>
      </table>
      ${latest && latest.modeShares.length < 2 ? nothing : this.#modes()}
      <p class="note">
        ${
          latest
            ? html`After step ${formatCount(latest.stepsDone)}, ${formatCount(latest.count)}
              generated against as many fresh samples. Floor: fresh samples against fresh.`
            : 'Measured as soon as training is under way: generated samples against fresh ones, beside the floor, fresh against fresh.'
        }
        ${likelihoodNote(this.quality.likelihood)} ${straightnessNote(this.quality)}
      </p>
    `;
  }

  #within(): TemplateResult | typeof nothing {
    const { latest } = this.quality;
    if (latest && (latest.withinThree === null || latest.withinThreeTruth === null)) return nothing;
    return html`
      <tr>
        <th scope="row">Within 3σ of a mode</th>
        <td class="now">${latest ? formatPercent(latest.withinThree ?? NaN) : '–'}</td>
        <td class="floor" colspan="2">
          ${latest ? `true share ${formatPercent(latest.withinThreeTruth ?? NaN)}` : '–'}
        </td>
      </tr>
    `;
  }

  #distance(
    name: string,
    key: 'slicedW2' | 'energyDistance',
    floorKey: 'slicedW2Floor' | 'energyDistanceFloor',
  ): TemplateResult {
    const { latest, history } = this.quality;
    const floors = history.map((metrics) => metrics[floorKey]);
    return row(
      name,
      latest ? formatSignificant(latest[key]) : '–',
      latest ? formatSignificant(latest[floorKey]) : '–',
      this.#history(
        name,
        history.map(({ stepsDone }) => stepsDone),
        history.map((metrics) => metrics[key]),
        floors.reduce((sum, value) => sum + value, 0) / floors.length,
      ),
    );
  }

  /** Its floor is the entropy of the target, where that is known, if only from the samples. */
  #likelihood(): TemplateResult | typeof nothing {
    const { likelihood } = this.quality;
    const name = 'NLL, nats';
    // It is measured where the view of the likelihood is on show.
    if (!likelihood) return nothing;
    const { entropy } = likelihood;
    const floor = entropy ?? entropyOfSamples(likelihood);
    return row(
      name,
      fixed(negativeLogLikelihoodOf(likelihood)),
      floor === null ? 'not known' : `${entropy === null ? '≈ ' : ''}${fixed(floor)}`,
      nothing,
    );
  }

  /** Nothing where the density of the target is not known. */
  #divergence(): TemplateResult | typeof nothing {
    const { likelihood, likelihoodHistory: history } = this.quality;
    const name = 'KL, nats';
    if (!likelihood) return nothing;
    const { divergence } = likelihood;
    if (divergence === null) return nothing;
    return row(
      name,
      fixed(divergence, 3),
      '0',
      this.#history(
        name,
        history.map(({ stepsDone }) => stepsDone),
        history.map((each) => each.divergence ?? NaN),
        null,
      ),
    );
  }

  /** Nothing before it is measured, and of an SDE. A student has no path, only its one step. */
  #straightness(): TemplateResult | typeof nothing {
    const { straightening } = this.quality;
    const latest = straightening?.latest;
    if (!latest) return nothing;
    const { history, before, kind } = straightening;
    const steps = history.map(({ stepsDone }) => stepsDone);
    const rowOf = (
      name: string,
      valueOf: (trajectories: Trajectories) => number,
      floor: number,
    ): TemplateResult =>
      row(
        name,
        formatSignificant(valueOf(latest)),
        formatSignificant(floor),
        this.#history(name, steps, history.map(valueOf), floor > 0 ? floor : null),
        before ? formatSignificant(valueOf(before)) : '',
      );
    return html`
      ${
        kind.student
          ? nothing
          : html`
              ${rowOf('Straightness', ({ straightness }) => straightness, 0)}
              ${rowOf('Path energy', ({ normalisedPathEnergy }) => normalisedPathEnergy, 0)}
            `
      }
      ${rowOf('Sliced W₂, one Euler step', ({ oneStepSlicedW2 }) => oneStepSlicedW2, latest.oneStepSlicedW2Floor)}
    `;
  }

  #history(
    name: string,
    steps: readonly number[],
    values: readonly number[],
    floor: number | null,
  ): TemplateResult | typeof nothing {
    const { stepsTotal } = this.quality;
    const line = sparkline(steps, values, floor, stepsTotal, sparkWidth, sparkHeight);
    if (!line) return nothing;
    const label = `${name} from ${formatSignificant(values[0] ?? NaN)} to ${formatSignificant(values.at(-1) ?? NaN)}`;
    return html`
      <svg
        width=${sparkWidth}
        height=${sparkHeight}
        viewBox="0 0 ${sparkWidth} ${sparkHeight}"
        role="img"
        aria-label=${label}
      >
        ${
          line.floorY === null
            ? nothing
            : svg`<line x1="0" x2=${sparkWidth} y1=${line.floorY} y2=${line.floorY} stroke="var(--edge)" stroke-dasharray="3 3" />`
        }
        <path d=${line.path} fill="none" stroke="var(--learned)" stroke-width="1.5" />
        <circle cx=${line.end[0]} cy=${line.end[1]} r="2" fill="var(--learned)" />
      </svg>
    `;
  }

  /** Bars of the share of each mode, with the line that all should reach. */
  #modes(): TemplateResult {
    const shares = [...(this.quality.latest?.modeShares ?? [])];
    const truth = 1 / Math.max(1, shares.length);
    // The line of the true share lies at two thirds of the height.
    const scale = 26 / truth;
    const least = Math.min(...shares);
    const most = Math.max(...shares);
    const text =
      shares.length === 0
        ? '–'
        : `${formatPercent(least)} to ${formatPercent(most)}, truth ${formatPercent(truth)}`;
    return html`
      <div class="modes">
        <div>Share of each mode<small class="number">${text}</small></div>
        <svg viewBox="0 0 110 40" preserveAspectRatio="none" aria-hidden="true">
          ${shares.map((share, index) => {
            const width = 110 / shares.length;
            const height = Math.min(40, share * scale);
            return svg`<rect x=${index * width + 0.15 * width} y=${40 - height} width=${0.7 * width} height=${height} fill="var(--learned)" />`;
          })}
          ${
            shares.length > 0
              ? svg`<line x1="0" x2="110" y1="14" y2="14" stroke="var(--ink)" stroke-dasharray="3 3" stroke-width="1" vector-effect="non-scaling-stroke" />`
              : nothing
          }
        </svg>
      </div>
    `;
  }
}
