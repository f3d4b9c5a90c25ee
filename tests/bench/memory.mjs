// The table of the suite `memory`: what is allocated and, in brackets, what memory the program has,
// step by step.

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(2);

/** A function `row` makes a line of the table, as for the other suites. */
export function memoryTable(summary, places, row) {
  const records = summary.filter(({ suite }) => suite === 'memory');
  const names = [...new Set(records.map(({ name }) => name))];
  const cell = (place, name) => {
    const found = records.find((each) => each.place === place.name && each.name === name);
    return found ? `${megabytes(found.allocated)} MB (${megabytes(found.memory)} MB)` : '';
  };
  return [
    row(['memory', ...places.map(({ name }) => name)]),
    row(['---', ...places.map(() => '---')]),
    ...names.map((name) => row([name, ...places.map((place) => cell(place, name))])),
  ].join('\n');
}
