/**
 * A square of the plane with points in it, to which a pointer adds more: where it is pressed, and along its way
 * while it is. Who cannot use a pointer writes the points instead (points-editor.ts).
 */
import { css, html, LitElement, svg, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { PointRow } from '../../state/points-text';
import { niceStep, windowAround } from '../draw/geometry';
import { controls } from '../style/controls';

/** Places that the reader has drawn, in one stroke. */
export class StrokeEvent extends Event {
  static readonly type = 'stroke';

  constructor(readonly places: readonly (readonly [x: number, y: number])[]) {
    super(StrokeEvent.type);
  }
}

/** From one point of a stroke to the next, as a share of the window's half side. */
const spacing = 0.05;

/** Classes have colours in turns. */
const classColors = ['exact', 'learned', 'ink', 'refused', 'muted'];

export class DrawingArea extends LitElement {
  static override readonly styles = [
    controls,
    css`
      svg {
        width: 100%;
        aspect-ratio: 1;
        border: 1px solid var(--edge);
        border-radius: 8px;
        cursor: crosshair;
        fill: none;
        stroke-linecap: round;
        /* A finger draws here, and scrolls elsewhere. */
        touch-action: none;
      }

      path {
        stroke-width: 5;
        vector-effect: non-scaling-stroke;
      }

      .axis {
        stroke: var(--hairline);
        stroke-width: 1;
      }

      text {
        fill: var(--muted);
        font-size: 4.5px;
      }
    `,
  ];

  @property({ attribute: false }) rows: readonly PointRow[] = [];
  /** The class of what is drawn; -1: none. */
  @property({ attribute: false }) label = -1;

  @state() private stroke: readonly (readonly [number, number])[] = [];
  /** Held still while a stroke is under way. */
  #half = 5;

  protected override willUpdate(): void {
    if (this.stroke.length > 0) return;
    const reach = this.rows.reduce(
      (most, [x = 0, y = 0]) => Math.max(most, Math.abs(x), Math.abs(y)),
      0,
    );
    this.#half = windowAround(1.1 * reach);
  }

  protected override render(): TemplateResult {
    const step = niceStep(this.#half / 1.5);
    const at = (50 * step) / this.#half;
    return html`
      <svg
        viewBox="-50 -50 100 100"
        role="img"
        aria-label=${`Drawing area from ${String(-this.#half)} to ${String(this.#half)} both ways: drag a pointer to add points, or write them as text.`}
        @pointerdown=${this.#begin}
        @pointermove=${this.#go}
        @pointerup=${this.#end}
        @pointercancel=${this.#end}
      >
        <path class="axis" d="M-50 0h100M0 -50v100M${-at} -1v2M${at} -1v2M-1 ${at}h2M-1 ${-at}h2" />
        <text x=${at} y="6" text-anchor="middle">${step}</text>
        <text x=${-at} y="6" text-anchor="middle">−${step}</text>
        ${this.#classes().map(
          ([color, d]) => svg`<path style=${`stroke: var(--${color})`} d=${d} />`,
        )}
      </svg>
    `;
  }

  /** One path for each colour: a dot is a line of no length. */
  #classes(): (readonly [color: string, path: string])[] {
    const paths = new Map<string, string[]>();
    const drawn = this.stroke.map(([x, y]) => (this.label < 0 ? [x, y] : [x, y, this.label]));
    const scale = 50 / this.#half;
    for (const [x = 0, y = 0, label = 0] of [...this.rows, ...drawn]) {
      const color = classColors[label % classColors.length] ?? 'ink';
      const dots = paths.get(color) ?? [];
      dots.push(`M${(x * scale).toFixed(2)} ${(-y * scale).toFixed(2)}h0`);
      paths.set(color, dots);
    }
    return [...paths].map(([color, dots]) => [color, dots.join('')] as const);
  }

  readonly #begin = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.stroke = [this.#place(event)];
  };

  readonly #go = (event: PointerEvent): void => {
    const last = this.stroke.at(-1);
    if (!last) return;
    const place = this.#place(event);
    const way = Math.hypot(place[0] - last[0], place[1] - last[1]);
    if (way >= spacing * this.#half) this.stroke = [...this.stroke, place];
  };

  readonly #end = (): void => {
    if (this.stroke.length === 0) return;
    const places = this.stroke;
    this.stroke = [];
    this.dispatchEvent(new StrokeEvent(places));
  };

  #place(event: PointerEvent): [x: number, y: number] {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const inside = (share: number) => Math.min(1, Math.max(-1, 2 * share - 1)) * this.#half;
    return [
      inside((event.clientX - box.left) / box.width),
      -inside((event.clientY - box.top) / box.height),
    ];
  }
}
