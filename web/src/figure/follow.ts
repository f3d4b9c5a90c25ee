/** Choosing a particle to follow, with a pointer or with keys. */
import type { FlowClip } from '../engine/protocol';
import { nearestParticle, particleCount, placeAt, readFrame } from './data/clip';

/** CSS pixels within which a pointer picks a particle. */
const pointerReach = 14;

/** The particle of `clip` at time t under the pointer on a panel that shows a window of `half`, or none. */
export function pointedParticle(
  clip: FlowClip,
  t: number,
  half: number,
  canvas: Pick<HTMLCanvasElement, 'clientWidth'>,
  pointer: Pick<PointerEvent, 'offsetX' | 'offsetY'>,
): number | null {
  const scale = (2 * half) / canvas.clientWidth;
  const positions = new Float32Array(2 * particleCount(clip));
  readFrame(clip.positions, placeAt(clip.times, t), positions);
  const x = pointer.offsetX * scale - half;
  const y = half - pointer.offsetY * scale;
  return nearestParticle(positions, x, y, pointerReach * scale);
}

/** The particle to follow after a key: the next, the one before, or none; undefined for any other key. */
export function nextParticle(
  key: string,
  followed: number | null,
  count: number,
): number | null | undefined {
  if (key === 'Escape') return null;
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key];
  if (by === undefined || count < 1) return undefined;
  return followed === null ? 0 : (followed + by + count) % count;
}
