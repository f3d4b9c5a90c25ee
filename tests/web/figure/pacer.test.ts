import { describe, expect, it } from 'vitest';
import { Pacer } from '../../../web/src/figure/pacer';

/** Frames drawn in a second of a screen that ticks 60 times, when each costs so many milliseconds. */
function framesDrawn(cost: number, pause = 0): number {
  const pacer = new Pacer();
  pacer.pause = pause;
  let drawn = 0;
  for (let tick = 0; tick < 120; tick++) {
    const now = (tick * 1000) / 60;
    if (!pacer.isDue(now)) continue;
    if (tick >= 60) drawn++;
    pacer.record(now, now + cost);
  }
  return drawn;
}

describe('the pacer', () => {
  it('draws every frame while that is cheap', () => {
    expect(framesDrawn(2)).toBe(60);
    expect(framesDrawn(9)).toBe(60);
  });

  it('draws fewer where it is dear, and never takes more than about half of the time', () => {
    expect(framesDrawn(14)).toBe(30);
    for (const cost of [12, 20, 30, 45]) {
      expect(framesDrawn(cost) * cost).toBeLessThanOrEqual(600);
      expect(framesDrawn(cost)).toBeGreaterThan(8);
    }
  });

  it('draws every other frame when it is told to, however cheap they are', () => {
    expect(framesDrawn(2, 33)).toBe(30);
  });

  it('forgives a hiccup', () => {
    const pacer = new Pacer();
    pacer.record(0, 2000);
    expect(pacer.isDue(40)).toBe(true);
  });
});
