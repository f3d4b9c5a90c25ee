/**
 * A clip is a cloud's whole way from t = 0 to t = 1, computed once by the engine; here it is read at any t
 * between its frames, so that a scrub never waits for the worker.
 */
import { maxResultNumbers, type FlowClip } from '../../engine/protocol';

/** Which two frames t lies between: `frame` and the next, and how far along. */
export interface Place {
  readonly frame: number;
  /** 0 at `frame`, 1 at the next one; always 0 at the last frame. */
  readonly fraction: number;
}

/** `times` ascend; t outside them is taken to their nearest end. */
export function placeAt(times: Float64Array, t: number): Place {
  const last = times.length - 1;
  if (last <= 0 || !(t > (times[0] ?? 0))) return { frame: 0, fraction: 0 };
  if (t >= (times[last] ?? 1)) return { frame: last, fraction: 0 };
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= t) low = middle;
    else high = middle;
  }
  const start = times[low] ?? 0;
  const end = times[high] ?? 1;
  return { frame: low, fraction: end > start ? (t - start) / (end - start) : 0 };
}

/** Frames of a clip after its first, where there is room for so many. */
const usualFrames = 100;

/** Frames to ask for, after the first, of a cloud of so many particles: fewer of one that would fill a message. */
export function framesFor(particles: number): number {
  const moments = Math.floor(maxResultNumbers / (2 * particles));
  return Math.max(1, Math.min(usualFrames, moments - 1));
}

/** Frames in which so much of the time from 0 to 1 passes, but one at least. */
export function framesIn(clip: FlowClip, time: number): number {
  return Math.max(1, Math.round(time * (clip.times.length - 1)));
}

/** Number of particles in a clip. */
export function particleCount(clip: FlowClip): number {
  return clip.times.length === 0 ? 0 : clip.positions.length / (2 * clip.times.length);
}

/** Number of arrows in each frame of a clip. */
export function arrowCount(clip: FlowClip): number {
  if (!clip.arrows || clip.times.length === 0) return 0;
  return clip.arrows.length / (2 * clip.times.length);
}

/** Frame `place` of `frames` (each `out.length` numbers), linearly between two frames, into `out`. */
export function readFrame(frames: Float32Array, place: Place, out: Float32Array): void {
  const length = out.length;
  const start = place.frame * length;
  if (place.fraction === 0) {
    out.set(frames.subarray(start, start + length));
    return;
  }
  const next = start + length;
  const fraction = place.fraction;
  for (let i = 0; i < length; i++) {
    const a = frames[start + i] ?? 0;
    const b = frames[next + i] ?? 0;
    out[i] = a + fraction * (b - a);
  }
}

/** An array of the right length: `reuse` if it already is. */
export function sized(reuse: Float32Array, length: number): Float32Array {
  return reuse.length === length ? reuse : new Float32Array(length);
}

/** Moves `from` towards `to`: 0 leaves it, 1 is there. The result is in `from`. */
export function blend(from: Float32Array, to: Float32Array, amount: number): void {
  const length = Math.min(from.length, to.length);
  for (let i = 0; i < length; i++) {
    const a = from[i] ?? 0;
    from[i] = a + amount * ((to[i] ?? 0) - a);
  }
}

/** The particle nearest to (x, y) among `positions`, if one is within `reach`. */
export function nearestParticle(
  positions: Float32Array,
  x: number,
  y: number,
  reach: number,
): number | null {
  let nearest: number | null = null;
  let least = reach * reach;
  for (let i = 0; i + 1 < positions.length; i += 2) {
    const dx = (positions[i] ?? NaN) - x;
    const dy = (positions[i + 1] ?? NaN) - y;
    const distance = dx * dx + dy * dy;
    if (distance <= least) {
      least = distance;
      nearest = i / 2;
    }
  }
  return nearest;
}
