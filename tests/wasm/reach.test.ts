// Every public function of the core is reached from JavaScript, or wasm/reach.txt says why it is not.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

import { BUILD, ROOT } from '../../wasm/toolchain/paths.mjs';
import { publicFunctions, type PublicFunction } from './public-functions';
import { readReach, uncovered, unknown, type Reach } from './reach';

/** All names of the generated types: `tier`, `Experiment.train`, `SamplerConfig.solver`. */
function namesOfTypes(text: string): Set<string> {
  const names = new Set<string>();
  const add = (prefix: string, members: readonly ts.TypeElement[]) => {
    for (const { name } of members) if (name) names.add(`${prefix}${name.getText(source)}`);
  };
  const source = ts.createSourceFile('types.d.ts', text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (ts.isTypeAliasDeclaration(statement) && ts.isTypeLiteralNode(statement.type)) {
      add(`${statement.name.text}.`, statement.type.members);
    }
    if (!ts.isInterfaceDeclaration(statement)) continue;
    if (statement.name.text !== 'EmbindModule') {
      add(`${statement.name.text}.`, statement.members);
      continue;
    }
    // Free functions, and what is static of a class.
    add('', statement.members);
    for (const member of statement.members) {
      if (!ts.isPropertySignature(member) || !member.type) continue;
      if (!ts.isTypeLiteralNode(member.type)) continue;
      add(`${member.name.getText(source)}.`, member.type.members);
    }
  }
  return names;
}

const folder = join(BUILD, 'wasm/types');
const types = readdirSync(folder).filter((name) => name.endsWith('.d.ts'));
const bound = namesOfTypes(types.map((name) => readFileSync(join(folder, name), 'utf8')).join(''));
const reach = readReach(readFileSync(join(ROOT, 'wasm/reach.txt'), 'utf8'));

describe('wasm/reach.txt', () => {
  let functions: readonly PublicFunction[];
  beforeAll(async () => {
    functions = await publicFunctions();
    // A reader that sees nothing finds nothing missing.
    expect(functions.length).toBeGreaterThan(200);
    expect(functions).toContainEqual({ header: 'flow.h', name: 'Flow::advance' });
  }, 120_000);

  it('names every public function of the core, as bound or as left out', () => {
    expect(uncovered(reach, functions)).toEqual([]);
  });

  it('names none that is not there', () => {
    expect(unknown(reach, functions)).toEqual([]);
  });

  it('names of JavaScript only what the generated types have', () => {
    const claimed = reach.entries.flatMap(({ targets }) => targets);
    expect(claimed.filter((name) => !bound.has(name))).toEqual([]);
    expect(claimed.length).toBeGreaterThan(50);
  });
});

describe('the check itself', () => {
  const functions: PublicFunction[] = [
    { header: 'a.h', name: 'f' },
    { header: 'a.h', name: 'C::C' },
    { header: 'a.h', name: 'C::run' },
    { header: 'b.h', name: 'f' },
  ];
  const read = (...lines: string[]): Reach => readReach(lines.join('\n'));

  it('finds what is in neither list, header by header', () => {
    const some = read('[a.h]', 'f -> T.f', 'C::run -- internal');
    expect(uncovered(some, functions)).toEqual(['a.h: C::C', 'b.h: f']);
    expect(unknown(some, functions)).toEqual([]);
  });

  it('takes the name of a class for all that it has', () => {
    const all = read('[a.h]', 'f, C -- internal', '[b.h]', 'f -- internal');
    expect(uncovered(all, functions)).toEqual([]);
  });

  it('finds what does not exist any more', () => {
    const old = read('[a.h]', 'f, C::stop, D -- internal', '[c.h]', 'f -- internal');
    expect(unknown(old, functions)).toEqual(['a.h: C::stop', 'a.h: D', 'c.h: f']);
  });

  it.each([
    ['[a.h]', 'f'],
    ['f -- internal'],
    ['[a.h]', 'f -- '],
    ['[a.h]', 'f -- $nothing'],
    ['[a.h]', 'f -> '],
    ['[a.h]', 'f, f -- internal'],
    ['$why = internal'],
  ])('refuses a line that says nothing, or says it twice: %s', (...lines) => {
    expect(() => read(...lines)).toThrow();
  });

  it('knows functions, members and statics of the generated types', () => {
    const names = namesOfTypes(
      `export type Config = { steps: number };
       export interface Flow { advance(milliseconds: number): boolean; }
       interface EmbindModule { Flow: { make(): Flow }; tier(): string; }`,
    );
    expect([...names].sort()).toEqual([
      'Config.steps',
      'Flow',
      'Flow.advance',
      'Flow.make',
      'tier',
    ]);
  });
});
