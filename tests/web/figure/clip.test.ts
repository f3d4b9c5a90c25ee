import { describe, expect, it } from 'vitest';
import { maxResultNumbers, type FlowClip } from '../../../web/src/engine/protocol';
import {
  arrowCount,
  blend,
  framesFor,
  framesIn,
  nearestParticle,
  particleCount,
  placeAt,
  readFrame,
} from '../../../web/src/figure/data/clip';
import { evenTimes, maximum, readField } from '../../../web/src/figure/data/field-movie';

/** Two particles over three frames: x = 10 frame, y = -x. */
const clip: FlowClip = {
  times: Float64Array.of(0, 0.5, 1),
  positions: Float32Array.of(0, 0, 1, -1, 10, -10, 11, -11, 20, -20, 21, -21),
  arrows: new Float32Array(3 * 4 * 2),
  functionEvaluations: 2,
  stepsDone: 0,
  seconds: 0,
};

describe('a place in a clip', () => {
  it('lies between two frames', () => {
    expect(placeAt(clip.times, 0.25)).toEqual({ frame: 0, fraction: 0.5 });
    expect(placeAt(clip.times, 0.5)).toEqual({ frame: 1, fraction: 0 });
    expect(placeAt(clip.times, 0.75)).toEqual({ frame: 1, fraction: 0.5 });
  });

  it('is an end for any t beyond it, and for none', () => {
    expect(placeAt(clip.times, -1)).toEqual({ frame: 0, fraction: 0 });
    expect(placeAt(clip.times, 1)).toEqual({ frame: 2, fraction: 0 });
    expect(placeAt(clip.times, 2)).toEqual({ frame: 2, fraction: 0 });
    expect(placeAt(clip.times, NaN)).toEqual({ frame: 0, fraction: 0 });
    expect(placeAt(new Float64Array(0), 0.5)).toEqual({ frame: 0, fraction: 0 });
  });

  it('is found among unequal times', () => {
    const times = Float64Array.of(0, 0.1, 0.4, 0.9, 1);
    for (const t of [0, 0.05, 0.1, 0.39, 0.65, 0.95, 1]) {
      const { frame, fraction } = placeAt(times, t);
      const from = times[frame] ?? NaN;
      const to = times[frame + 1] ?? from;
      expect(from + fraction * (to - from)).toBeCloseTo(t);
    }
  });
});

describe('the frames of a clip', () => {
  it('are fewer where a cloud is so large that its clip would fill a message', () => {
    expect(framesFor(1)).toBe(100);
    expect(framesFor(20_000)).toBe(100);
    for (const particles of [50_000, 99_999, 100_000]) {
      const numbers = (frames: number) => (frames + 1) * particles * 2;
      expect(numbers(framesFor(particles))).toBeLessThanOrEqual(maxResultNumbers);
      expect(numbers(framesFor(particles) + 1)).toBeGreaterThan(maxResultNumbers);
    }
  });

  it('pass with time', () => {
    const long = { ...clip, times: new Float64Array(101) };
    expect(framesIn(long, 0.12)).toBe(12);
    expect(framesIn(clip, 0.12)).toBe(1);
  });
});

describe('reading a clip', () => {
  it('knows how many particles and arrows it has', () => {
    expect(particleCount(clip)).toBe(2);
    expect(arrowCount(clip)).toBe(4);
    expect(arrowCount({ ...clip, arrows: null })).toBe(0);
  });

  it('moves each particle straight from frame to frame', () => {
    const out = new Float32Array(4);
    readFrame(clip.positions, placeAt(clip.times, 0.25), out);
    expect([...out]).toEqual([5, -5, 6, -6]);
    readFrame(clip.positions, placeAt(clip.times, 1), out);
    expect([...out]).toEqual([20, -20, 21, -21]);
  });

  it('finds the particle under the pointer, or none', () => {
    const positions = Float32Array.of(0, 0, 3, 4, NaN, NaN);
    expect(nearestParticle(positions, 2.5, 4, 1)).toBe(1);
    expect(nearestParticle(positions, 0.1, 0, 1)).toBe(0);
    expect(nearestParticle(positions, 10, 10, 1)).toBeNull();
  });

  it('glides from one clip to another', () => {
    const from = Float32Array.of(0, 10);
    blend(from, Float32Array.of(4, 20), 0.25);
    expect([...from]).toEqual([1, 12.5]);
  });
});

describe('a field movie', () => {
  const grid = { xMin: 0, xMax: 1, yMin: 0, yMax: 1, columns: 2, rows: 1 };
  const movie = { grid, times: evenTimes(3), values: Float32Array.of(0, 10, 2, 20, 4, 40) };

  it('is read between its times', () => {
    const out = new Float32Array(2);
    readField(movie, 0.75, out);
    expect([...out]).toEqual([3, 30]);
    readField(movie, 1, out);
    expect([...out]).toEqual([4, 40]);
  });

  it('has a maximum among what is finite', () => {
    expect(maximum(Float32Array.of(-3, NaN, 2, Infinity, -Infinity))).toBe(2);
  });
});
