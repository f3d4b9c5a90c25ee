// npm run check: format, lint and types of everything; npm run format repairs what a tool can repair.
// With --quick without clang-tidy, which takes ten minutes on two cores.

import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { buildTypes } from '../wasm/build.mjs';
import { buildFolder, configurePreset } from '../wasm/toolchain/cmake.mjs';
import { debianRelease, installPackages } from '../wasm/toolchain/debian.mjs';
import { BUILD, NODE_BIN, ROOT } from '../wasm/toolchain/paths.mjs';
import { versionIn } from '../wasm/toolchain/prerequisites.mjs';
import { setUp } from '../wasm/toolchain/setup.mjs';
import {
  hashOfFiles,
  main,
  once,
  probe,
  run,
  sha256,
  step,
  UserError,
} from '../wasm/toolchain/steps.mjs';

// Another version formats and warns otherwise.
const LLVM_VERSION = 19;

function filesEndingIn(folders, ...endings) {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name)),
    )
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .sort();
}

/** The name of an LLVM tool on the PATH that has the right version. */
function findLlvmTool(tool) {
  const isRight = (name) => versionIn(probe(name, ['--version']))?.[0] === LLVM_VERSION;
  return [`${tool}-${LLVM_VERSION}`, tool].find(isRight);
}

async function llvmTool(tool) {
  if (findLlvmTool(tool) === undefined && debianRelease() !== undefined) {
    await installPackages([`${tool}-${LLVM_VERSION}`], 'to check the C++ code');
  }
  const found = findLlvmTool(tool);
  if (found !== undefined) return found;
  throw new UserError(`${tool} ${LLVM_VERSION} is needed. Install it:
  Debian, Ubuntu:  sudo apt-get install ${tool}-${LLVM_VERSION}
  macOS:           brew install llvm@${LLVM_VERSION}, and add its bin folder to the PATH
  elsewhere:       pip install ${tool}==${LLVM_VERSION}.*`);
}

/** Runs `work` on all items, as many at once as there are processors; gives the errors. */
async function forAll(items, work) {
  const queue = [...items];
  const errors = [];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return errors;
}

/** What clang must be told of that em++ adds by itself to every compilation. */
function emscriptenArguments(root) {
  const flags = probe(join(root, 'em++'), ['--cflags']).split(/\s+/);
  return flags.map((flag) => `--extra-arg-before=${flag}`);
}

async function checkClangTidy(_fix, { emscripten }) {
  const clangTidy = await llvmTool('clang-tidy');
  await configurePreset('native-release');
  await configurePreset('wasm-simd');
  // GCC's precompiled headers are none of clang's.
  const native = ['-p', buildFolder('native-release'), '--extra-arg=-Wno-ignored-gch'];
  const wasm = ['-p', buildFolder('wasm-simd'), ...emscriptenArguments(emscripten)];
  const jobs = [
    ...filesEndingIn(['core', 'tests'], '.cpp').map((source) => ({ source, args: native })),
    ...filesEndingIn(['wasm'], '.cpp').map((source) => ({ source, args: wasm })),
  ];
  // A file takes many seconds: it is looked at again when it, a header or the configuration has changed.
  const shared = hashOfFiles([
    join(ROOT, '.clang-tidy'),
    join(buildFolder('native-release'), 'compile_commands.json'),
    join(buildFolder('wasm-simd'), 'compile_commands.json'),
    ...filesEndingIn(['core', 'wasm', 'tests'], '.h').map((header) => join(ROOT, header)),
  ]);
  const errors = await forAll(jobs, ({ source, args }) =>
    once(join(BUILD, 'clang-tidy', `${source}.stamp`), sha256(shared, hashOfFiles([source])), () =>
      run(clangTidy, [...args, '--quiet', source]),
    ),
  );
  if (errors.length > 0) throw new UserError(errors.map(({ message }) => message).join('\n\n'));
}

async function checkClangFormat(fix) {
  const clangFormat = await llvmTool('clang-format');
  const sources = filesEndingIn(['core', 'wasm', 'tests'], '.cpp', '.h');
  await run(clangFormat, [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...sources]);
}

const npmTool = (name, args) => run(join(NODE_BIN, name), args);

const CHECKS = [
  {
    title: 'prettier',
    work: (fix) => npmTool('prettier', [fix ? '--write' : '--check', '.']),
    fixes: true,
  },
  { title: 'clang-format', work: checkClangFormat, fixes: true },
  {
    title: 'eslint',
    work: (fix) => npmTool('eslint', ['--max-warnings=0', ...(fix ? ['--fix'] : []), '.']),
    fixes: true,
  },
  { title: 'types, web', work: () => npmTool('tsc', ['--project', 'web']) },
  { title: 'types, tests', work: () => npmTool('tsc', ['--project', 'tests']) },
  { title: 'clang-tidy', work: checkClangTidy, slow: true },
];

await main(async () => {
  const fix = process.argv.includes('--fix');
  const quick = process.argv.includes('--quick');
  const toolchain = await setUp();
  // The TypeScript code speaks of them.
  await buildTypes();
  const failures = [];
  for (const { title, work, fixes = false, slow = false } of CHECKS) {
    if ((fix && !fixes) || (quick && slow)) continue;
    try {
      await step(title, () => work(fix, toolchain));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(title);
      console.error(`${error.message}\n`);
    }
  }
  if (failures.length > 0) throw new UserError(`failed: ${failures.join(', ')}`);
});
