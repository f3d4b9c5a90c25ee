import { describe, expect, it } from 'vitest';
import { logTicks } from '../../../web/src/figure/data/axis';
import { LossHistory, lossRange, natsRange } from '../../../web/src/figure/data/loss-history';
import { RateMeter } from '../../../web/src/figure/data/rate';
import { sparkline } from '../../../web/src/figure/data/sparkline';

describe('the loss history', () => {
  it('keeps every step while they are few', () => {
    const history = new LossHistory();
    history.append([3, 2]);
    history.append(Float32Array.of(1));
    const { steps, raw, stepsPerPoint } = history.series();
    expect(steps).toEqual([1, 2, 3]);
    expect(raw).toEqual([3, 2, 1]);
    expect(stepsPerPoint).toBe(1);
    expect(history.last).toBe(1);
  });

  it('merges neighbours when they are many, and loses no step', () => {
    const history = new LossHistory(0, 16);
    const count = 1000;
    for (let step = 1; step <= count; step++) history.append([step]);
    const { steps, raw, smoothed, stepsPerPoint } = history.series();
    expect(raw.length).toBeLessThanOrEqual(16);
    expect(smoothed.length).toBe(raw.length);
    expect(history.stepsSeen).toBe(count);
    steps.forEach((step, index) => {
      expect(step).toBe((index + 1) * stepsPerPoint);
      // The mean of the steps of the bin, each of which is its own loss.
      expect(raw[index]).toBeCloseTo(step - (stepsPerPoint - 1) / 2);
    });
  });

  it('smooths without a bias at the start', () => {
    const history = new LossHistory();
    history.append([5]);
    expect(history.lastSmoothed).toBeCloseTo(5);
    history.append(Array.from({ length: 500 }, () => 5));
    expect(history.lastSmoothed).toBeCloseTo(5);
  });

  it('begins where a run was opened', () => {
    const history = new LossHistory(700, 16);
    history.append([5, 4]);
    expect(history.stepsSeen).toBe(702);
    expect(history.series()).toMatchObject({ steps: [701, 702], raw: [5, 4] });
    for (let step = 703; step <= 1000; step++) history.append([4]);
    expect(history.series().steps.at(0)).toBeGreaterThan(700);
    expect(history.lastSmoothed).toBeCloseTo(4);
  });

  it('passes over what is not finite', () => {
    const history = new LossHistory();
    history.append([2, NaN, 2]);
    expect(history.series().raw).toEqual([2, 2]);
    expect(history.lastSmoothed).toBeCloseTo(2);
  });
});

describe('the range of the loss axis', () => {
  it('holds the losses and the irreducible loss', () => {
    const [low, high] = lossRange([50, 20, 12, 11], 9.8);
    expect(low).toBeLessThan(9.8);
    expect(high).toBeGreaterThan(50);
  });

  it('does not follow the rarest spikes', () => {
    const losses = Array.from({ length: 1000 }, () => 10);
    losses[500] = 1e6;
    expect(lossRange(losses, null)[1]).toBeLessThan(100);
  });

  it('is a range even of nothing', () => {
    for (const [low, high] of [lossRange([], null), lossRange([], 9.8), lossRange([7], null)]) {
      expect(low).toBeGreaterThan(0);
      expect(high).toBeGreaterThan(low);
    }
  });
});

describe('the range of nats', () => {
  it('has the entropy and what the run has come to, of either sign, but not the first fall', () => {
    const losses = [60, 20, ...Array.from({ length: 98 }, (_, i) => 2 - i / 20)];
    const [low, high] = natsRange(losses, -3.1);
    expect(low).toBeLessThan(-3.1);
    expect(low).toBeGreaterThan(-4);
    expect(high).toBeGreaterThan(1.5);
    expect(high).toBeLessThan(20);
  });

  it('is a range even of nothing', () => {
    const ranges = [
      natsRange([], null),
      natsRange([], 5),
      natsRange([7], null),
      natsRange([NaN], 1),
    ];
    for (const [low, high] of ranges) expect(high).toBeGreaterThan(low);
  });
});

describe('logarithmic ticks', () => {
  it('are round and inside', () => {
    expect(logTicks(8, 60)).toEqual([10, 20, 50]);
    expect(logTicks(0.5, 2000)).toContain(100);
    expect(logTicks(9.2, 11)).toEqual(expect.arrayContaining([10]));
    expect(logTicks(1e-3, 1e3)).toEqual([0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  });
});

describe('the rate', () => {
  it('is of the last seconds', () => {
    const meter = new RateMeter();
    expect(meter.stepsPerSecond).toBeNaN();
    meter.record(0, 0);
    meter.record(1, 1000);
    expect(meter.stepsPerSecond).toBe(1000);
    for (let second = 2; second <= 9; second++) meter.record(second, 1000 + 10 * (second - 1));
    expect(meter.stepsPerSecond).toBeCloseTo(10);
    meter.reset();
    expect(meter.stepsPerSecond).toBeNaN();
  });
});

describe('a sparkline', () => {
  it('falls towards its floor', () => {
    const line = sparkline([0, 50, 100], [4, 1, 0.3], 0.25, 100, 100, 20);
    expect(line?.path).toMatch(/^M2\.0 2\.0L50\.0 /);
    expect(line?.end[0]).toBeCloseTo(98);
    expect(line?.end[1]).toBeLessThan(line?.floorY ?? 0);
  });

  it('has its whole height to itself without a floor', () => {
    const line = sparkline([0, 100], [10, 0.1], null, 100, 100, 20);
    expect(line).toEqual({ path: 'M2.0 2.0L98.0 18.0', floorY: null, end: [98, 18] });
  });

  it('is nothing without two values', () => {
    expect(sparkline([], [], 1, 1, 10, 10)).toBeUndefined();
    expect(sparkline([0, 1], [NaN, 1], 1, 1, 10, 10)).toBeUndefined();
  });
});
