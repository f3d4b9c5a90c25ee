/**
 * The trajectories layer: the whole way of some of the particles, drawn faintly once a clip, and the part
 * that lies just behind each of them, drawn afresh for every t.
 */
import type { FlowClip } from '../../engine/protocol';
import { framesIn, particleCount, type Place } from '../data/clip';
import { toPixelX, toPixelY, trajectoryCount, type Viewport } from './geometry';

/** Paths are smooth: a point of a polyline comes so much of t after the last one; in tails, so much. */
const wayStride = 0.03;
const tailStride = 0.02;
/** How far the tail behind a particle reaches back in t. */
const tailLength = 0.12;

function shownCount(clip: FlowClip): number {
  return Math.min(trajectoryCount, particleCount(clip));
}

/** Adds to `path` the way of particle `index` from frame `first` to frame `last`, every `stride` frames. */
export function tracePath(
  path: Pick<Path2D, 'moveTo' | 'lineTo'>,
  viewport: Viewport,
  clip: FlowClip,
  index: number,
  first: number,
  last: number,
  stride: number,
): void {
  const count = particleCount(clip);
  for (let frame = first; ; frame = Math.min(frame + stride, last)) {
    const at = 2 * (frame * count + index);
    const x = toPixelX(viewport, clip.positions[at] ?? 0);
    const y = toPixelY(viewport, clip.positions[at + 1] ?? 0);
    if (frame === first) path.moveTo(x, y);
    else path.lineTo(x, y);
    if (frame >= last) return;
  }
}

function strokeStyleOf(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
): void {
  context.lineJoin = 'round';
  context.lineCap = 'round';
}

/** Draws the whole ways of particles `from` to `to` (not included). */
export function drawTrajectories(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  viewport: Viewport,
  clip: FlowClip,
  color: string,
  from = 0,
  to = shownCount(clip),
): void {
  context.save();
  strokeStyleOf(context);
  context.strokeStyle = color;
  context.lineWidth = 0.9 * viewport.pixelRatio;
  context.globalAlpha = 0.34;
  const stride = framesIn(clip, wayStride);
  for (let index = from; index < Math.min(to, shownCount(clip)); index++) {
    const path = new Path2D();
    tracePath(path, viewport, clip, index, 0, clip.times.length - 1, stride);
    context.stroke(path);
  }
  context.restore();
}

/** Draws the tails behind the shown particles at `place`; `positions` are where the clip has them there. */
export function drawTails(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  clip: FlowClip,
  place: Place,
  positions: Float32Array,
  color: string,
  opacity: number,
): void {
  const first = Math.max(0, place.frame - framesIn(clip, tailLength));
  const stride = framesIn(clip, tailStride);
  const path = new Path2D();
  for (let index = 0; index < shownCount(clip); index++) {
    tracePath(path, viewport, clip, index, first, place.frame, stride);
    path.lineTo(
      toPixelX(viewport, positions[2 * index] ?? 0),
      toPixelY(viewport, positions[2 * index + 1] ?? 0),
    );
  }
  context.save();
  strokeStyleOf(context);
  context.strokeStyle = color;
  context.globalAlpha = 0.6 * opacity;
  context.lineWidth = 1.5 * viewport.pixelRatio;
  context.stroke(path);
  context.restore();
}

/** The whole ways of one cloud as a picture of their own, drawn a few at a time. */
class Picture {
  readonly clip: FlowClip;
  readonly viewport: Viewport;
  readonly color: string;
  readonly #canvas: OffscreenCanvas;
  #done = 0;

  constructor(clip: FlowClip, viewport: Viewport, color: string) {
    this.clip = clip;
    this.viewport = viewport;
    this.color = color;
    this.#canvas = new OffscreenCanvas(viewport.size, viewport.size);
  }

  get complete(): boolean {
    return this.#done >= shownCount(this.clip);
  }

  isOf(clip: FlowClip, viewport: Viewport, color: string): boolean {
    return this.clip === clip && this.fits(viewport) && this.color === color;
  }

  fits(viewport: Viewport): boolean {
    return this.viewport.size === viewport.size && this.viewport.half === viewport.half;
  }

  advance(count: number): void {
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    drawTrajectories(context, this.viewport, this.clip, this.color, this.#done, this.#done + count);
    this.#done += count;
  }

  draw(context: CanvasRenderingContext2D): void {
    context.drawImage(this.#canvas, 0, 0);
  }
}

/** Ways drawn in one frame: so many that a frame stays short. */
const waysPerFrame = 40;

/** Keeps the picture of a cloud's ways; a new clip's picture is built over a few frames, then takes its place. */
export class TrajectoryMemory {
  #shown: Picture | undefined;
  #coming: Picture | undefined;

  /** Returns whether there is more to draw in the next frame. */
  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    clip: FlowClip,
    color: string,
  ): boolean {
    if (!this.#shown?.isOf(clip, viewport, color)) {
      if (!this.#coming?.isOf(clip, viewport, color)) {
        this.#coming = new Picture(clip, viewport, color);
      }
      // An old picture stays until the new one is complete; instead of none, an incomplete one will do.
      if (this.#coming.complete || !this.#shown?.fits(viewport)) {
        this.#shown = this.#coming;
        this.#coming = undefined;
      }
    }
    const unfinished = this.#coming ?? this.#shown;
    if (!unfinished.complete) unfinished.advance(waysPerFrame);
    this.#shown.draw(context);
    return this.#coming !== undefined || !this.#shown.complete;
  }
}
