// What `npm run bench` prints: the medians over the rounds as tables, and how they compare.

import { PEER_NAMES } from './places.mjs';

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The useful arithmetic of a record as a share of what registers alone would have done in its time. */
function shareOfPeak({ operations, milliseconds, peak }) {
  return operations / (milliseconds / 1e3) / peak;
}

/** The records of all rounds, one for each place, suite and name: their medians. */
export function summarise(records) {
  const groups = new Map();
  for (const record of records) {
    const key = `${record.place} ${record.suite} ${record.name}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(record);
  }
  return [...groups.values()].map((group) => ({
    ...group[0],
    // What is measured in bytes has no time.
    ...(group[0].milliseconds !== undefined && {
      milliseconds: median(group.map((record) => record.milliseconds)),
      best: Math.min(...group.map((record) => record.best)),
      // The share of each round: the machine may be faster in one than in another.
      ...(group[0].peak !== undefined &&
        group[0].operations > 0 && { share: median(group.map(shareOfPeak)) }),
    }),
  }));
}

/** 1.02, 33.1, 960, and 1100 rather than 1.10e+3. */
function threeDigits(number) {
  return number < 999.5 ? number.toPrecision(3) : String(Math.round(number));
}

const row = (cells) => `| ${cells.join(' | ')} |`;

function markdown(heading, rows) {
  return [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n');
}

/** The names of a suite's measurements, in the order in which they were made. */
function namesOf(summary, suite) {
  return [...new Set(summary.filter((each) => each.suite === suite).map(({ name }) => name))];
}

/** One suite: a row for each measurement, a column for each place. */
export function suiteTable(summary, allPlaces, suite) {
  const places = allPlaces.filter(({ suites }) => suites.includes(suite));
  const cell = (place, name) => {
    const record = summary.find(
      (each) => each.place === place.name && each.suite === suite && each.name === name,
    );
    if (!record) return '';
    if (suite === 'peak') {
      return `${(record.operations / record.milliseconds / 1e6).toFixed(0)} GFLOP/s`;
    }
    const time = `${threeDigits(record.milliseconds)} ms`;
    return record.share === undefined ? time : `${time} (${(100 * record.share).toFixed(0)}%)`;
  };
  return markdown(
    [suite, ...places.map(({ name }) => name)],
    namesOf(summary, suite).map((name) => [name, ...places.map((place) => cell(place, name))]),
  );
}

/** The suite memory: what is allocated and, in brackets, what memory the program has, step by step. */
export function memoryTable(summary, allPlaces) {
  const places = allPlaces.filter(({ suites }) => suites.includes('memory'));
  const records = summary.filter(({ suite }) => suite === 'memory');
  const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(2);
  const cell = (place, name) => {
    const found = records.find((each) => each.place === place.name && each.name === name);
    return found ? `${megabytes(found.allocated)} MB (${megabytes(found.memory)} MB)` : '';
  };
  return markdown(
    ['memory', ...places.map(({ name }) => name)],
    namesOf(summary, 'memory').map((name) => [name, ...places.map((place) => cell(place, name))]),
  );
}

/**
 * How many times as long as `own`, one of our places, the other libraries take, each in the fastest of its places; or
 * undefined when there is nothing to compare.
 */
export function comparisonTable(summary, places, own) {
  const peers = Object.keys(PEER_NAMES).filter((peer) =>
    places.some(({ engine }) => engine === peer),
  );
  const ours = summary.filter(({ place }) => place === own);
  const least = (peer, { suite, name }) => {
    const of = new Set(places.filter(({ engine }) => engine === peer).map((place) => place.name));
    const same = summary.filter((r) => of.has(r.place) && r.suite === suite && r.name === name);
    return Math.min(...same.map(({ milliseconds }) => milliseconds));
  };
  const rows = ours
    .map((record) => [record, peers.map((peer) => least(peer, record) / record.milliseconds)])
    .filter(([, ratios]) => ratios.some(Number.isFinite))
    .map(([{ suite, name }, ratios]) => [
      `${suite}: ${name}`,
      ...ratios.map((ratio) => (Number.isFinite(ratio) ? threeDigits(ratio) : '')),
    ]);
  if (rows.length === 0) return undefined;
  return markdown(
    [`times faster: ${own}`, ...peers.map((peer) => `than ${PEER_NAMES[peer]}`)],
    rows,
  );
}
