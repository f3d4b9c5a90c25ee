// What a machine must have before anything can be built: Node, CMake, a C++20 compiler. Each one that is
// missing or too old is named with the command that installs it. Ninja is used when it is there.

import { join } from 'node:path';

import { TOOLCHAIN } from './paths.mjs';
import { once, probe, sha256, UserError } from './steps.mjs';

const CMAKE_VERSION = [3, 22];
const NODE_VERSION = [20, 19];

const INSTALL = {
  node: {
    debian:
      'see https://nodejs.org/en/download (Debian 13 or later: sudo apt-get install nodejs npm)',
    macos: 'brew install node',
    other: 'see https://nodejs.org/en/download',
  },
  cmake: {
    debian: 'sudo apt-get install cmake ninja-build',
    macos: 'brew install cmake ninja',
    other: 'see https://cmake.org/download',
  },
  compiler: {
    debian: 'sudo apt-get install g++',
    macos: 'xcode-select --install',
    other: "install GCC 12, Clang 15 or later (with the system's packages)",
  },
};

// Uses the parts of C++20 that older compilers lack, in the library too.
const CXX20_PROGRAM = `
#include <bit>
#include <concepts>
#include <numbers>
#include <span>
template <std::floating_point T> constexpr T twice(T x) { return 2 * x; }
struct Options { int steps = 1; double rate = 0.5; bool operator==(const Options&) const = default; };
static_assert(Options{.steps = 3} == Options{.steps = 3, .rate = 0.5});
static_assert(std::popcount(5u) == 2 && twice(std::numbers::pi) > 6);
int sum(std::span<const int> v) { int s = 0; for (int x : v) s += x; return s; }
`;

/** [3, 25, 1] for the first version number in a text; undefined without one. */
export function versionIn(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '');
  return match?.slice(1).map((part) => Number(part ?? 0));
}

export function isAtLeast(version, wanted) {
  if (version === undefined) return false;
  for (const [i, part] of wanted.entries()) {
    const have = version[i] ?? 0;
    if (have !== part) return have > part;
  }
  return true;
}

function installCommands(tool) {
  const { debian, macos, other } = INSTALL[tool];
  return `  Debian, Ubuntu:  ${debian}\n  macOS:           ${macos}\n  elsewhere:       ${other}`;
}

/** The generator that CMake is to use where nobody has said which (by CMAKE_GENERATOR). */
export function hasNinja() {
  return probe('ninja', ['--version']) !== undefined;
}

function compilerProblem() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  const compiler = candidates.find((name) => probe(name, ['--version']) !== undefined);
  if (compiler === undefined) return `no C++ compiler found (looked for ${candidates.join(', ')})`;
  const args = ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'];
  if (probe(compiler, args, CXX20_PROGRAM) !== undefined) return undefined;
  return `${compiler} does not compile C++20: ${probe(compiler, ['--version']).split('\n')[0]}`;
}

/** Throws one UserError that names everything that is missing. */
export async function checkPrerequisites() {
  const problems = [];
  const missing = (tool, problem) => problems.push(`${problem}\n${installCommands(tool)}`);

  if (!isAtLeast(versionIn(process.version), NODE_VERSION)) {
    missing(
      'node',
      `Node ${NODE_VERSION.join('.')} or later is needed, this is ${process.version}`,
    );
  }
  const cmake = probe('cmake', ['--version']);
  if (!isAtLeast(versionIn(cmake), CMAKE_VERSION)) {
    const found = cmake === undefined ? 'none was found' : `this is ${cmake.split('\n')[0]}`;
    missing('cmake', `CMake ${CMAKE_VERSION.join('.')} or later is needed, ${found}`);
  }
  if (cmake !== undefined && !hasNinja() && probe('make', ['--version']) === undefined) {
    missing('cmake', 'neither ninja nor make was found');
  }
  const compilers = ['c++', 'g++', 'clang++'].map((name) => probe(name, ['--version']) ?? '');
  const stamp = join(TOOLCHAIN, 'compiler.stamp');
  await once(stamp, sha256(process.env.CXX ?? '', CXX20_PROGRAM, ...compilers), () => {
    const problem = compilerProblem();
    if (problem !== undefined) missing('compiler', problem);
    if (problems.length > 0) throw new UserError(problems.join('\n\n'));
  });
  if (problems.length > 0) throw new UserError(problems.join('\n\n'));
}
