// The public functions of the core, as the compiler sees them in core/include/flowmatch.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { buildFolder, configurePreset } from '../../wasm/toolchain/cmake.mjs';
import { BUILD, ROOT } from '../../wasm/toolchain/paths.mjs';
import { hashOfFiles, sha256 } from '../../wasm/toolchain/steps.mjs';

/** A function of the namespace or of a class in it: overloads are one, and what overrides is what it overrides. */
export interface PublicFunction {
  /** File name of the header: `flow.h`. */
  readonly header: string;
  /** Without the namespace: `integrate`, `Flow::advance`, `Flow::Flow`. */
  readonly name: string;
}

/** A declaration in clang's JSON. */
interface Node {
  readonly kind: string;
  readonly name?: string;
  readonly loc?: Place & { readonly expansionLoc?: Place };
  readonly inner?: readonly Node[];
  readonly access?: string;
  readonly tagUsed?: string;
  readonly completeDefinition?: boolean;
  readonly isImplicit?: boolean;
  readonly explicitlyDefaulted?: string;
  readonly explicitlyDeleted?: boolean;
}
interface Place {
  /** Left out where it is that of the declaration before. */
  readonly file?: string;
}

const headersFolder = join(ROOT, 'core/include/flowmatch');

/** Kept in the build folder as long as no header changes: the compiler takes some seconds. */
export async function publicFunctions(): Promise<readonly PublicFunction[]> {
  const kept = join(BUILD, 'reports/public-functions.json');
  const sources = [headersFolder, import.meta.filename];
  const key = sha256(hashOfFiles(sources));
  if (existsSync(kept)) {
    const found = JSON.parse(readFileSync(kept, 'utf8')) as {
      key: string;
      functions: PublicFunction[];
    };
    if (found.key === key) return found.functions;
  }
  const functions = functionsIn(await dumpHeaders());
  mkdirSync(join(BUILD, 'reports'), { recursive: true });
  writeFileSync(kept, JSON.stringify({ key, functions }));
  return functions;
}

/** All that the namespace declares, with the compiler and the flags that the bindings are built with. */
async function dumpHeaders(): Promise<readonly Node[]> {
  const database = join(buildFolder('wasm-simd'), 'compile_commands.json');
  if (!existsSync(database)) await configurePreset('wasm-simd');
  const commands = JSON.parse(readFileSync(database, 'utf8')) as {
    directory: string;
    command: string;
    file: string;
  }[];
  const bindings = commands.find(({ file }) => file.endsWith('/wasm/bindings.cpp'));
  if (!bindings) throw new Error(`${database} does not tell how wasm/bindings.cpp is compiled`);
  const names = readdirSync(headersFolder).filter((name) => name.endsWith('.h'));
  const dump = '-fsyntax-only -Xclang -ast-dump=json -Xclang -ast-dump-filter=flowmatch -x c++ -';
  const { status, stdout, stderr } = spawnSync(
    `${bindings.command.replace(/ -o \S+ -c \S+$/, '')} ${dump}`,
    {
      cwd: bindings.directory,
      encoding: 'utf8',
      input: names.map((name) => `#include "flowmatch/${name}"\n`).join(''),
      maxBuffer: 2 ** 28,
      shell: true,
    },
  );
  if (status !== 0) throw new Error(`The headers cannot be read by the compiler.\n${stderr}`);
  // One object for each time that a header opens the namespace.
  return stdout
    .split(/^}\n(?={)/m)
    .map((text, index, all) => JSON.parse(index + 1 < all.length ? `${text}}` : text) as Node);
}

const functionKinds = ['FunctionDecl', 'FunctionTemplateDecl', 'CXXMethodDecl'];

function functionsIn(namespaces: readonly Node[]): PublicFunction[] {
  const found = new Map<string, PublicFunction>();
  let header = '';
  const visit = (scope: Node, prefix: string, firstAccess: string) => {
    let access = firstAccess;
    for (const node of scope.inner ?? []) {
      header = fileOf(node) ?? header;
      if (node.kind === 'AccessSpecDecl') access = node.access ?? access;
      if (access !== 'public' || node.isImplicit) continue;
      // A constructor of a template is named with its parameters.
      const name = `${prefix}${(node.name ?? '').replace(/<.*>$/, '')}`;
      if (isFunction(node)) {
        found.set(`${header} ${name}`, { header, name });
        continue;
      }
      const record = recordOf(node);
      if (record) visit(record, `${name}::`, record.tagUsed === 'class' ? 'private' : 'public');
    }
  };
  for (const namespace of namespaces) {
    header = fileOf(namespace) ?? header;
    visit(namespace, '', 'public');
  }
  return [...found.values()];
}

function fileOf({ loc }: Node): string | undefined {
  const file = (loc?.expansionLoc ?? loc)?.file;
  return file === undefined ? undefined : basename(file);
}

function isFunction(node: Node): boolean {
  // A copy that is defaulted or deleted does nothing that could be called from elsewhere.
  if (node.explicitlyDefaulted || node.explicitlyDeleted) return false;
  if (node.inner?.some(({ kind }) => kind === 'OverrideAttr')) return false;
  return functionKinds.includes(node.kind) || node.kind === 'CXXConstructorDecl';
}

/** A class, struct or template of one, where it is defined. */
function recordOf(node: Node): Node | undefined {
  const record =
    node.kind === 'ClassTemplateDecl'
      ? node.inner?.find(({ kind }) => kind === 'CXXRecordDecl')
      : node;
  return record?.kind === 'CXXRecordDecl' && record.completeDefinition ? record : undefined;
}
