/**
 * Which parameters a set of the literature has, for a form that is there before the engine is: the core's own
 * table (core/src/datasets.cpp), and a test holds the two against each other (tests/wasm/data.test.ts).
 */
import type { DataSetName, ParameterName } from '../engine/protocol';

export interface DataSetParameter {
  readonly name: ParameterName;
  /** As the literature has it. */
  readonly standard: number;
  /** Its range, ends included. */
  readonly low: number;
  readonly high: number;
  readonly whole: boolean;
}

const parameter =
  (name: ParameterName, low: number, high: number, whole = false) =>
  (standard: number): DataSetParameter => ({ name, standard, low, high, whole });

const noise = parameter('noise', 0, 10);
const scale = parameter('scale', 0.01, 100);
const count = parameter('count', 1, 64, true);
const radius = parameter('radius', 0, 100);
const turns = parameter('turns', 0.1, 8);
const shift = (x: number, y: number) => [
  parameter('shiftX', -100, 100)(x),
  parameter('shiftY', -100, 100)(y),
];

/** In the order in which a form lists them. */
export const dataSetParameters: Readonly<Record<DataSetName, readonly DataSetParameter[]>> = {
  eight_gaussians: [
    count(8),
    radius(5),
    parameter('noise', 0.02, 10)(0.31622776601683794),
    scale(1),
    ...shift(0, 0),
  ],
  moons: [noise(0.05), scale(2), ...shift(-1, 0)],
  moons_torchdyn: [noise(0.2), scale(3), ...shift(-1, -1)],
  s_curve: [noise(0.05), scale(1.5), ...shift(0, 0)],
  checkerboard: [count(4), scale(1 / 0.45), ...shift(0, 0)],
  swiss_roll: [turns(1.5), noise(1), scale(0.2), ...shift(0, 0)],
  pinwheel: [
    count(5),
    parameter('radialDeviation', 0, 2)(0.3),
    parameter('tangentialDeviation', 0, 2)(0.1),
    parameter('rate', -2, 2)(0.25),
    scale(2),
    ...shift(0, 0),
  ],
  rings: [count(4), radius(3), noise(0.08), scale(1), ...shift(0, 0)],
  spiral: [count(2), turns(1.5), radius(Math.PI), noise(0.1), scale(1), ...shift(0, 0)],
};
