import { describe, expect, it } from 'vitest';
import { Clock } from '../../../web/src/figure/clock';

describe('the clock', () => {
  it('stands where it is put until it plays', () => {
    const clock = new Clock({ t: 0.3 });
    expect(clock.read(0).t).toBeCloseTo(0.3);
    expect(clock.read(0).playing).toBe(false);
    expect(clock.read(1e6).t).toBeCloseTo(0.3);
  });

  it('rests at the noise, goes to the data in four seconds, rests, and begins again', () => {
    const clock = new Clock();
    clock.play(1000);
    expect(clock.read(1000 + 400).t).toBe(0);
    expect(clock.read(1000 + 500 + 2000).t).toBeCloseTo(0.5);
    expect(clock.read(1000 + 500 + 4000).t).toBe(1);
    expect(clock.read(1000 + 500 + 5400).t).toBe(1);
    expect(clock.read(1000 + 6000 + 2500).t).toBeCloseTo(0.5);
  });

  it('stops at the data without a loop, and plays from the noise again', () => {
    const clock = new Clock({ loop: false });
    clock.play(0);
    expect(clock.read(4499).playing).toBe(true);
    expect(clock.read(4501)).toEqual({ t: 1, playing: false });
    clock.play(9000);
    expect(clock.read(9000)).toEqual({ t: 0, playing: true });
  });

  it('pauses and goes on without a jump', () => {
    const clock = new Clock();
    clock.play(0);
    clock.pause(2500);
    expect(clock.read(9999).t).toBeCloseTo(0.5);
    clock.play(10_000);
    expect(clock.read(10_000).t).toBeCloseTo(0.5);
    expect(clock.read(11_000).t).toBeCloseTo(0.75);
  });

  it('keeps its place when the speed or the loop changes', () => {
    const clock = new Clock();
    clock.play(0);
    clock.setSpeed(2, 2500);
    expect(clock.read(2500).t).toBeCloseTo(0.5);
    expect(clock.read(3000).t).toBeCloseTo(0.75);
    clock.setLoop(false, 3000);
    expect(clock.read(3000).t).toBeCloseTo(0.75);
    expect(clock.read(9000)).toEqual({ t: 1, playing: false });
  });

  it('goes where it is sent, and no further than the ends', () => {
    const clock = new Clock();
    clock.play(0);
    clock.seek(0.9, 100);
    expect(clock.read(100).t).toBeCloseTo(0.9);
    expect(clock.read(100).playing).toBe(true);
    clock.seek(7, 100);
    expect(clock.read(100).t).toBe(1);
    clock.seek(-1, 100);
    expect(clock.read(100).t).toBe(0);
  });
});
