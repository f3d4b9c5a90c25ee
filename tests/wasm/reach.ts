// Reads wasm/reach.txt, and holds it against the functions that there are.
import type { PublicFunction } from './public-functions';

export interface Reach {
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly header: string;
  /** Of functions or classes. */
  readonly names: readonly string[];
  /** What JavaScript reaches them by; none where they are left out. */
  readonly targets: readonly string[];
}

/** Throws at the first line that is not of the form that the file itself describes. */
export function readReach(text: string): Reach {
  const entries: Entry[] = [];
  const reasons = new Map<string, string>();
  const used = new Set<string>();
  const seen = new Set<string>();
  let header = '';
  text.split('\n').forEach((line, index) => {
    const fail = (what: string) => {
      throw new Error(`reach.txt, line ${index + 1}: ${what}: ${line}`);
    };
    if (line.trim() === '' || line.startsWith('#')) return;
    const shared = /^(\$\w+) = (.*\S)$/.exec(line);
    const heading = /^\[(\S+\.h)\]$/.exec(line);
    const [, list = '', arrow, right = ''] = /^(\S.*?) (->|--) (.*\S)$/.exec(line) ?? [];
    if (shared) {
      reasons.set(shared[1] ?? '', shared[2] ?? '');
    } else if (heading) {
      header = heading[1] ?? '';
    } else if (arrow === undefined) {
      fail('neither bound (->) nor left out (--)');
    } else {
      if (header === '') fail('not below a header');
      if (right.startsWith('$')) {
        if (!reasons.has(right)) fail('no such reason');
        used.add(right);
      }
      const names = list.split(', ');
      for (const name of names) {
        if (seen.has(`${header} ${name}`)) fail(`${name} for the second time`);
        seen.add(`${header} ${name}`);
      }
      entries.push({ header, names, targets: arrow === '->' ? right.split(', ') : [] });
    }
  });
  const idle = [...reasons.keys()].filter((name) => !used.has(name));
  if (idle.length > 0) throw new Error(`reach.txt: never used: ${idle.join(', ')}`);
  return { entries };
}

const nameOf = (header: string, name: string) => `${header}: ${name}`;

/** The class of a member, or the class that a class is in: all that it may be listed under. */
function scopesOf(name: string): string[] {
  const parts = name.split('::');
  return parts.map((_, index) => parts.slice(0, index + 1).join('::'));
}

/** The functions that no line names, by themselves or by their class. */
export function uncovered({ entries }: Reach, functions: readonly PublicFunction[]): string[] {
  const listed = new Set(
    entries.flatMap(({ header, names }) => names.map((name) => nameOf(header, name))),
  );
  return functions
    .filter(
      ({ header, name }) => !scopesOf(name).some((scope) => listed.has(nameOf(header, scope))),
    )
    .map(({ header, name }) => nameOf(header, name));
}

/** The names of the list that are neither of a function nor of a class that has any. */
export function unknown({ entries }: Reach, functions: readonly PublicFunction[]): string[] {
  const known = new Set(
    functions.flatMap(({ header, name }) => scopesOf(name).map((scope) => nameOf(header, scope))),
  );
  return entries
    .flatMap(({ header, names }) => names.map((name) => nameOf(header, name)))
    .filter((name) => !known.has(name));
}
