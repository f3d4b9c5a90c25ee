/**
 * The configuration of a figure as JSON, with the names that the command `flowmatch` reads: the model that a
 * reader has put together can be trained, sampled and measured outside of the page.
 */
import type { DataConfig } from '../engine/protocol';
import { experimentConfigOf, samplerConfigOf } from './configs';
import type { State } from './settings';

/** Name of the file that it is saved as. */
export const runConfigFile = 'flowmatch.json';

/** The document of `flowmatch train --config`: all that decides the training and the sampling, defaults included. */
export function runConfigJson(state: State): string {
  const { data, source, stop, method, ...training } = experimentConfigOf(state);
  const {
    options: { guidance, schedule },
    tolerance,
    ...sampler
  } = samplerConfigOf(state, 'learned');
  const config = {
    data: dataJson(data),
    ...(source ? { source: dataJson(source) } : {}),
    method: state.method,
    ...method,
    ...training,
    ...(stop ? { stop } : {}),
    sampler: {
      ...sampler,
      probes: state.probes,
      rtol: tolerance,
      atol: tolerance,
      guidance,
      schedule: schedule.schedule === '' ? null : schedule,
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Points are rows of two numbers there; of the others the keys and values are the same. */
function dataJson(data: DataConfig): object {
  if (!('points' in data)) return data;
  const { points, labels, smoothing } = data;
  const rows = Array.from({ length: points.length / 2 }, (_, i) => [
    shortFloat(points[2 * i]),
    shortFloat(points[2 * i + 1]),
  ]);
  return { points: rows, ...(labels ? { labels: [...labels] } : {}), smoothing };
}

/** A number that is stored as a float, with no more digits than it takes to get that float back. */
export function shortFloat(value = 0): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === value ? short : Number(value.toPrecision(9));
}
