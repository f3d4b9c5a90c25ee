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
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  palette: Palette,
  color = palette.label,
): void {
  const { size, half, pixelRatio } = viewport;
  const labelled = size / pixelRatio >= leastLabelledWidth;
  const mark = 4 * pixelRatio;
  context.save();
  context.strokeStyle = color;
  context.fillStyle = color;
  context.globalAlpha = 0.9;
  context.lineWidth = pixelRatio;
  context.font = `${10.5 * pixelRatio}px system-ui, sans-serif`;
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
    context.fillText(text, x, size - mark - pixelRatio);
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(text, mark + 2 * pixelRatio, y);
  }
  context.stroke(marks);
  context.restore();
}
