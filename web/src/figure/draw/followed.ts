/**
 * The particle that the reader follows: its whole way and where it is on it, over everything else. The same
 * noise is the same particle in every panel, so its two ways can be compared.
 */
import type { FlowClip } from '../../engine/protocol';
import { toPixelX, toPixelY, type Viewport } from './geometry';
import { particlesOf, tracePath } from './trajectories';

export function drawFollowed(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  clip: FlowClip,
  positions: Float32Array,
  index: number,
  color: string,
  ground: string,
): void {
  if (index >= particlesOf(clip)) return;
  const ratio = viewport.pixelRatio;
  const path = new Path2D();
  tracePath(path, viewport, clip, index, 0, clip.times.length - 1, 1);
  const startX = toPixelX(viewport, clip.positions[2 * index] ?? NaN);
  const startY = toPixelY(viewport, clip.positions[2 * index + 1] ?? NaN);
  const x = toPixelX(viewport, positions[2 * index] ?? NaN);
  const y = toPixelY(viewport, positions[2 * index + 1] ?? NaN);
  context.save();
  context.lineJoin = 'round';
  context.lineCap = 'round';
  // A rim of the ground keeps it apart from whatever it crosses.
  for (const [style, width] of [
    [ground, 5],
    [color, 2],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width * ratio;
    context.stroke(path);
  }
  context.fillStyle = ground;
  disc(context, startX, startY, 3.5 * ratio);
  context.stroke();
  disc(context, x, y, 7 * ratio);
  context.fillStyle = color;
  disc(context, x, y, 5 * ratio);
  context.restore();
}

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
