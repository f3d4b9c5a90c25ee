import { describe, expect, it } from 'vitest';
import { nextParticle, pointedParticle } from '../../../web/src/figure/follow';

describe('following a particle', () => {
  it('picks the one under the pointer, at the moment that is shown', () => {
    const clip = {
      times: Float64Array.of(0, 1),
      positions: Float32Array.of(0, 0, 1, 1, 10, 0, 0, 10),
      arrows: null,
      functionEvaluations: 1,
      stepsDone: 0,
      seconds: 0,
    };
    const canvas = { clientWidth: 300 };
    // The window is [-15, 15], ten pixels a unit: (0, 5) is 150 pixels from the left, 100 from the top.
    expect(pointedParticle(clip, 0.5, 15, canvas, { offsetX: 152, offsetY: 95 })).toBe(1);
    expect(pointedParticle(clip, 0.5, 15, canvas, { offsetX: 199, offsetY: 151 })).toBe(0);
    expect(pointedParticle(clip, 0.5, 15, canvas, { offsetX: 20, offsetY: 20 })).toBeNull();
  });

  it('goes from one to the next by keys, around the end, and stops', () => {
    expect(nextParticle('ArrowRight', null, 3)).toBe(0);
    expect(nextParticle('ArrowRight', 2, 3)).toBe(0);
    expect(nextParticle('ArrowLeft', 0, 3)).toBe(2);
    expect(nextParticle('Escape', 1, 3)).toBeNull();
    expect(nextParticle('Tab', 1, 3)).toBeUndefined();
  });
});
