/**
 * The loss chart: each step's raw loss, its smoothed value, and the irreducible loss that no network can go
 * below, on a logarithmic axis; of maximum likelihood, whose loss may be negative, on a linear one.
 */
import {
  css,
  html,
  LitElement,
  nothing,
  unsafeCSS,
  type PropertyValues,
  type TemplateResult,
} from 'lit';
import { property, query, state } from 'lit/decorators.js';
import uPlot from 'uplot';
import uplotStyle from 'uplot/dist/uPlot.min.css?inline';
import type { CouplingName, ScheduleName } from '../../engine/protocol';
import { logTicks } from '../data/axis';
import { lossRange, natsRange, type LossSeries } from '../data/loss-history';
import type { Palette } from '../draw/palette';
import { palettes } from '../draw/palette';
import { formatCount, formatLoss, formatTick } from '../format';
import { controls } from '../style/controls';

/** What the chart shows; a new object whenever there is something new. */
export interface LossView {
  readonly series: LossSeries;
  readonly last: number;
  readonly lastSmoothed: number;
  readonly stepsTotal: number;
  /** Null until the engine has said, and where it cannot be known. */
  readonly irreducible: number | null;
  readonly schedule: ScheduleName;
  readonly coupling: CouplingName;
  /** It is trained on own pairs of the run before. */
  readonly ownPairs: boolean;
  /** It is trained by maximum likelihood: the loss is in nats. */
  readonly byLikelihood: boolean;
}

const noLoss: LossView = {
  series: { steps: [], raw: [], smoothed: [], stepsPerPoint: 1 },
  last: NaN,
  lastSmoothed: NaN,
  stepsTotal: 1,
  irreducible: null,
  schedule: 'cond_ot',
  coupling: 'independent',
  ownPairs: false,
  byLikelihood: false,
};

const height = 216;
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- enums of types only: they have no values */
const linear = 1 as uPlot.Scale.Distr.Linear;
const logarithmic = 3 as uPlot.Scale.Distr.Logarithmic;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */
const floorDash = [5, 4];

export class LossChart extends LitElement {
  static override readonly styles = [
    unsafeCSS(uplotStyle),
    controls,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 18px;
        align-items: baseline;
        min-height: 3.1em;
      }

      h3 {
        flex-basis: 100%;
        margin: 0;
        font-size: 1em;
        font-weight: 600;
      }

      .key {
        display: inline-flex;
        gap: 7px;
        align-items: center;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .key b {
        min-width: 2.9em;
        color: var(--ink);
        font-weight: 400;
        font-variant-numeric: tabular-nums;
      }

      .key i {
        width: 16px;
        border-top: 2px solid var(--learned);
      }

      .key.raw i {
        border-top: 6px solid var(--muted);
        opacity: 0.4;
      }

      .key.floor i {
        border-top: 2px dashed var(--ink);
      }

      .plot {
        min-height: ${height}px;
        margin-top: 6px;
        overflow: hidden;
      }

      .note {
        margin: 4px 0 0;
        color: var(--muted);
        font-size: 0.8125rem;
      }
    `,
  ];

  @property({ attribute: false }) view: LossView = noLoss;
  @property({ attribute: false }) palette: Palette = palettes.light;

  /** Index of the point under the reader's pointer. */
  @state() private pointed: number | null = null;

  @query('.plot') private readonly plotElement!: HTMLElement;

  #plot: uPlot | undefined;
  #plotPalette: Palette | undefined;
  #plotsNats = false;
  #resize: ResizeObserver | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize?.disconnect();
    this.#resize = undefined;
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  protected override render(): TemplateResult {
    const { series, last, lastSmoothed, irreducible, byLikelihood } = this.view;
    const floor = byLikelihood ? 'entropy' : 'irreducible';
    const name = byLikelihood ? 'Negative log-likelihood' : 'Loss';
    const at = this.pointed;
    const step = at === null ? undefined : series.steps[at];
    const raw = step === undefined || at === null ? last : (series.raw[at] ?? NaN);
    const smoothed =
      step === undefined || at === null ? lastSmoothed : (series.smoothed[at] ?? NaN);
    const rawName =
      series.stepsPerPoint === 1 ? 'each step' : `mean of ${formatCount(series.stepsPerPoint)}`;
    return html`
      <div class="head">
        <h3>${name}${step === undefined ? nothing : html` at step ${formatCount(step)}`}</h3>
        <span class="key raw"><i></i>${rawName} <b>${formatLoss(raw)}</b></span>
        <span class="key"><i></i>smoothed <b>${formatLoss(smoothed)}</b></span>
        ${
          byLikelihood && irreducible === null
            ? nothing
            : html`<span class="key floor"
                ><i></i>${floor} <b>${formatLoss(irreducible ?? NaN)}</b></span
              >`
        }
      </div>
      <div
        class="plot"
        role="img"
        aria-label="${name} by training step: smoothed ${formatLoss(lastSmoothed)}, ${floor} ${formatLoss(irreducible ?? NaN)}"
      ></div>
      <p class="note">${noteOf(this.view)}</p>
    `;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!this.#resize) {
      this.#resize = new ResizeObserver(() => {
        this.#fit();
      });
      this.#resize.observe(this.plotElement);
    }
    const { byLikelihood } = this.view;
    if (!this.#plot || this.#plotPalette !== this.palette || this.#plotsNats !== byLikelihood)
      this.#build();
    else if (changed.has('view')) this.#plot.setData(this.#data());
  }

  #data(): uPlot.AlignedData {
    const { steps, raw, smoothed } = this.view.series;
    return [steps, raw, smoothed];
  }

  #fit(): void {
    const width = this.plotElement.clientWidth;
    if (this.#plot && width > 0 && this.#plot.width !== width)
      this.#plot.setSize({ width, height });
  }

  #build(): void {
    this.#plot?.destroy();
    const width = this.plotElement.clientWidth;
    if (width === 0) return;
    this.#plotPalette = this.palette;
    const { byLikelihood } = this.view;
    this.#plotsNats = byLikelihood;
    const { label, line, learned, arrow } = this.palette;
    const font = '11px system-ui, sans-serif';
    const axis = {
      stroke: label,
      font,
      grid: { stroke: line, width: 0.5 },
      ticks: { stroke: line, width: 0.5, size: 4 },
      gap: 4,
    };
    this.#plot = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        padding: [8, 20, 0, 0],
        cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
        scales: {
          x: { time: false, range: () => [0, Math.max(1, this.view.stepsTotal)] },
          y: { distr: byLikelihood ? linear : logarithmic, range: () => this.#range() },
        },
        axes: [
          {
            ...axis,
            size: 26,
            values: (_plot, values) => values.map((value) => formatCount(value)),
            space: 70,
          },
          {
            ...axis,
            size: 40,
            ...(byLikelihood
              ? {}
              : {
                  splits: (_plot: uPlot, _axis: number, low: number, high: number) =>
                    logTicks(low, high),
                  filter: (_plot: uPlot, splits: number[]) => splits,
                }),
            values: (_plot, values) => values.map((value) => formatTick(value)),
          },
        ],
        series: [
          {},
          { stroke: withAlpha(label, 0.4), width: 1, points: { show: false } },
          { stroke: learned, width: 2, points: { show: false } },
        ],
        hooks: {
          draw: [
            (plot) => {
              this.#drawFloor(plot, arrow);
            },
          ],
          setCursor: [
            (plot) => {
              this.pointed = plot.cursor.idx ?? null;
            },
          ],
        },
      },
      this.#data(),
      this.plotElement,
    );
  }

  #range(): [number, number] {
    const { series, irreducible, byLikelihood } = this.view;
    if (byLikelihood) return natsRange(series.raw, irreducible);
    // Before the first step: where the losses will be, a few times the irreducible one.
    if (series.raw.length === 0) return lossRange([(irreducible ?? 10) * 6], irreducible ?? 10);
    return lossRange(series.raw, irreducible);
  }

  #drawFloor(plot: uPlot, color: string): void {
    const { irreducible, byLikelihood } = this.view;
    if (irreducible === null || !(byLikelihood || irreducible > 0)) return;
    const y = Math.round(plot.valToPos(irreducible, 'y', true)) + 0.5;
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.25 * ratio;
    ctx.setLineDash(floorDash.map((length) => length * ratio));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

function noteOf(view: LossView): string {
  const { byLikelihood, coupling, irreducible, lastSmoothed, ownPairs, schedule } = view;
  if (byLikelihood) {
    const below = irreducible !== null && lastSmoothed < irreducible - 0.1;
    return `${likelihoodNote} ${below ? tooCoarse : irreducible === null ? '' : entropyNote}${anyField}`;
  }
  if (ownPairs) return ownPairsNote;
  if (coupling !== 'independent') return coupledNote;
  return schedule === 'sqrt' || schedule === 'linear_vp' ? divergingNote : finiteNote;
}

const likelihoodNote =
  'The mean of −log p over the points of each step, in nats, p by the change of variables.';
const entropyNote = 'The dashed line is the entropy of the data, which no density goes below. ';
const tooCoarse =
  'It is below the entropy of the data, as no density can be: the steps of the likelihood are too ' +
  'few, and the training makes use of their error. ';
const anyField =
  'The learned field need not be the exact one: many lead from the noise to the same data.';
const coupledNote =
  'Noise and data are paired, so less of a target is random than with independent pairs; how much ' +
  'is left, the loss that no network can go below, is not known in closed form.';
const ownPairsNote =
  'Noise and data are paired as the run before has moved them, so nothing of a target is random: ' +
  'the loss is as low as the paths are straight, and does not compare with that of the run before.';
const finiteNote =
  'The dashed line is the loss of the exact field itself: the target of one sample is random, ' +
  'and no network can predict that part. Nobody reaches zero.';
const divergingNote =
  'On this schedule the target velocity diverges at t = 1: σ′ is regularised, and the loss has a ' +
  'heavy tail. The dashed line is the expected loss of the exact field; single batches scatter ' +
  'widely around it, so compare the fields rather than the losses.';

/** A colour written #rrggbb, with an opacity. */
function withAlpha(color: string, opacity: number): string {
  return `${color}${Math.round(255 * opacity)
    .toString(16)
    .padStart(2, '0')}`;
}
