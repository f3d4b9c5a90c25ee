/**
 * The configuration of a figure as JSON, with the names that the command `flowmatch` reads: the model that a
 * reader has put together can be trained, sampled and measured outside of the page.
 */
import { experimentConfigOf, samplerConfigOf } from './configs';
import type { State } from './settings';

/** Name of the file that it is saved as. */
export const runConfigFile = 'flowmatch.json';

/** The document of `flowmatch train --config`: all that decides the training and the sampling, defaults included. */
export function runConfigJson(state: State): string {
  const {
    data: { dataSet, ...ring },
    ...training
  } = experimentConfigOf(state);
  const {
    options: { guidance, schedule },
    tolerance,
    ...sampler
  } = samplerConfigOf(state, 'learned');
  const config = {
    data: dataSet === 'ring' ? ring : { dataSet },
    ...training,
    sampler: {
      ...sampler,
      rtol: tolerance,
      atol: tolerance,
      guidance,
      schedule: schedule.schedule === '' ? null : schedule,
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
