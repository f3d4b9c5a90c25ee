/** The ground of a panel, and its frame: tick marks and numbers of the plane's coordinates. */
import { ticks, toPixelX, toPixelY, type Viewport } from './geometry';
import type { Palette } from './palette';

export function drawGround(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  palette: Palette,
): void {
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, viewport.size, viewport.size);
}

/** Labels are left out where they would be larger than their room. */
const leastLabelledWidth = 230;

export function drawAxes(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  viewport: Viewport,
  palette: Palette,
): void {
  const { size, half, pixelRatio } = viewport;
  const color = palette.label;
  const labelled = size / pixelRatio >= leastLabelledWidth;
  const mark = 4 * pixelRatio;
  context.save();
  context.fillStyle = color;
  context.font = `${10.5 * pixelRatio}px system-ui, sans-serif`;
  context.lineJoin = 'round';
  const halo = { color: palette.ground, width: 4 * pixelRatio };
  const marks = new Path2D();
  for (const value of ticks(half)) {
    const x = Math.round(toPixelX(viewport, value)) + 0.5;
    const y = Math.round(toPixelY(viewport, value)) + 0.5;
    marks.moveTo(x, size);
    marks.lineTo(x, size - mark);
    marks.moveTo(0, y);
    marks.lineTo(mark, y);
    if (!labelled) continue;
    const text = String(Number(value.toPrecision(6))).replace('-', '−');
    context.textAlign = 'center';
    context.textBaseline = 'bottom';
    drawLabel(context, text, x, size - mark - pixelRatio, halo);
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    drawLabel(context, text, mark + 2 * pixelRatio, y, halo);
  }
  context.lineWidth = pixelRatio;
  context.strokeStyle = color;
  context.stroke(marks);
  context.restore();
}

/** A label with a rim of the ground around it, to be read on any layer. */
function drawLabel(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  halo: { color: string; width: number },
): void {
  context.strokeStyle = halo.color;
  context.lineWidth = halo.width;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/** CSS pixels from the left and the lower edge within which marks and labels lie. */
const leftStrip = 46;
const lowerStrip = 26;

/** The same, drawn once a size and theme: text is dear, and the axes never change. */
export class AxesMemory {
  #canvas: OffscreenCanvas | undefined;
  #viewport: Viewport | undefined;
  #palette: Palette | undefined;

  draw(context: CanvasRenderingContext2D, viewport: Viewport, palette: Palette): void {
    const { size, half, pixelRatio } = viewport;
    const fits = this.#viewport?.size === size && this.#viewport.half === half;
    if (!this.#canvas || !fits || this.#palette !== palette) {
      this.#canvas = new OffscreenCanvas(size, size);
      const own = this.#canvas.getContext('2d');
      if (own) drawAxes(own, viewport, palette);
      this.#viewport = viewport;
      this.#palette = palette;
    }
    const left = Math.min(size, leftStrip * pixelRatio);
    const lower = Math.min(size, lowerStrip * pixelRatio);
    const top = size - lower;
    context.drawImage(this.#canvas, 0, 0, left, top, 0, 0, left, top);
    context.drawImage(this.#canvas, 0, top, size, lower, 0, top, size, lower);
  }
}
