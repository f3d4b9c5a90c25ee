/**
 * The arrows layer: the velocity at each point of a grid, drawn as the way that a particle there would go
 * in a short time at that velocity. Lengths are to scale, so two panels can be compared by eye.
 */
import type { Grid } from '../../engine/protocol';
import { arrowTime, gridPoint, scaleOf, toPixelX, toPixelY, type Viewport } from './geometry';

/** Below this many CSS pixels a cell, only every other arrow is drawn, over twice the time. */
const leastCell = 17;

/** 1: every arrow is drawn; 2: every other one in each direction. */
export function arrowStride(grid: Grid, viewport: Viewport): number {
  return viewport.size / viewport.pixelRatio / grid.columns < leastCell ? 2 : 1;
}

export function drawArrows(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  grid: Grid,
  velocities: Float32Array,
  color: string,
): void {
  const stride = arrowStride(grid, viewport);
  const time = arrowTime(grid) * stride;
  const toPixels = scaleOf(viewport) * time;
  const cell = (viewport.size / grid.columns) * stride;
  const ratio = viewport.pixelRatio;
  const shafts = new Path2D();
  const heads = new Path2D();
  const offset = stride === 2 ? Math.floor(((grid.columns - 1) % stride) / 2) : 0;
  for (let row = offset; row < grid.rows; row += stride) {
    for (let column = offset; column < grid.columns; column += stride) {
      const index = row * grid.columns + column;
      const vx = (velocities[2 * index] ?? 0) * toPixels;
      const vy = -(velocities[2 * index + 1] ?? 0) * toPixels;
      const length = Math.hypot(vx, vy);
      if (!(length > 0.5 * ratio) || length > viewport.size) continue;
      const [x, y] = gridPoint(grid, index);
      const startX = toPixelX(viewport, x);
      const startY = toPixelY(viewport, y);
      const ux = vx / length;
      const uy = vy / length;
      const head = Math.min(0.45 * length, 0.2 * cell, 5 * ratio);
      const tipX = startX + vx;
      const tipY = startY + vy;
      const baseX = tipX - head * ux;
      const baseY = tipY - head * uy;
      shafts.moveTo(startX, startY);
      shafts.lineTo(baseX, baseY);
      const wing = 0.5 * head;
      heads.moveTo(tipX, tipY);
      heads.lineTo(baseX - wing * uy, baseY + wing * ux);
      heads.lineTo(baseX + wing * uy, baseY - wing * ux);
      heads.closePath();
    }
  }
  context.save();
  context.globalAlpha = 0.7;
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = 1 * ratio;
  context.stroke(shafts);
  context.fill(heads);
  context.restore();
}
