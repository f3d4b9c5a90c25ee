// Emscripten: the one on the PATH when it is new enough; otherwise, on Debian 12, the newer one of Debian 13,
// unpacked into the project's own folder. Either way `.toolchain/emscripten.cmake` then leads CMake to it.

import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { debianArchitecture, debianRelease, downloadPackages, installPackages } from './debian.mjs';
import { TOOLCHAIN } from './paths.mjs';
import { isAtLeast, versionIn } from './prerequisites.mjs';
import { once, probe, run, step, UserError, writeIfChanged } from './steps.mjs';

const VERSION = [3, 1, 69];
const CMAKE_TOOLCHAIN_FILE = join(TOOLCHAIN, 'emscripten.cmake');

// The unpacked Debian packages. Emscripten brings its system libraries prebuilt, so its cache is frozen;
// binaryen is built for a newer C library than Debian 12's and comes with its own.
const UNPACKED = join(TOOLCHAIN, 'emscripten');
const UNPACKED_ROOT = join(UNPACKED, 'usr/share/emscripten');
const BINARYEN = join(UNPACKED, 'binaryen');
const RELEASE = 'trixie';
const PACKAGES = ['emscripten', 'binaryen', 'libstdc++6', 'libc6', 'libgcc-s1'];
// Debian 12's own, and the LLVM that Emscripten 3.1.69 is made for.
const LLVM_PACKAGES = ['clang-19', 'lld-19', 'llvm-19', 'python3'];
const LLVM_BIN = '/usr/lib/llvm-19/bin';

const ARCHITECTURES = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

function missingMessage(found) {
  const wanted = VERSION.join('.');
  return `Emscripten ${wanted} or later is needed to build for WebAssembly, ${found}. Install it, and run this again:
  Debian 13 or later:  sudo apt-get install emscripten
  macOS:               brew install emscripten
  elsewhere:           git clone https://github.com/emscripten-core/emsdk && cd emsdk &&
                       ./emsdk install ${wanted} && ./emsdk activate ${wanted} && . ./emsdk_env.sh`;
}

async function unpackDebs(debs) {
  rmSync(UNPACKED, { recursive: true, force: true });
  mkdirSync(UNPACKED, { recursive: true });
  for (const deb of debs) await run('dpkg', ['-x', deb, UNPACKED]);
}

/** Small scripts that run binaryen's programs with the C library that they were built for. */
function wrapBinaryen({ triplet, loader }) {
  const tools = join(UNPACKED, 'usr/bin');
  const libraries = join(UNPACKED, 'usr/lib', triplet);
  for (const name of readdirSync(tools).filter((tool) => tool.startsWith('wasm'))) {
    const wrapper = join(BINARYEN, 'bin', name);
    const command = [join(libraries, loader), '--library-path', libraries, join(tools, name)];
    writeIfChanged(
      wrapper,
      `#!/bin/sh\nexec ${command.map((word) => `"${word}"`).join(' ')} "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
  }
}

/** Emscripten's configuration; this file beside its programs is the first that they look for. */
function configure() {
  // Its .js programs are CommonJS, whatever the manifest of the folder above says.
  writeIfChanged(join(UNPACKED_ROOT, 'package.json'), '{}\n');
  const settings = {
    LLVM_ROOT: LLVM_BIN,
    BINARYEN_ROOT: BINARYEN,
    NODE_JS: process.execPath,
  };
  const lines = Object.entries(settings).map(([key, path]) => `${key} = ${JSON.stringify(path)}`);
  writeIfChanged(
    join(UNPACKED_ROOT, '.emscripten'),
    [...lines, 'FROZEN_CACHE = True', ''].join('\n'),
  );
}

async function unpackOnDebian12(architecture) {
  await installPackages(LLVM_PACKAGES, 'to compile for WebAssembly');
  await once(join(TOOLCHAIN, 'emscripten.stamp'), `${RELEASE} ${PACKAGES.join(' ')}`, async () => {
    const downloads = join(TOOLCHAIN, 'downloads');
    const debs = await step("fetching Debian 13's Emscripten (250 MB)", () =>
      downloadPackages(RELEASE, PACKAGES, downloads),
    );
    await step('unpacking Emscripten (1.7 GB)', () => unpackDebs(debs));
    rmSync(downloads, { recursive: true });
  });
  // Not under the stamp: these hold absolute paths, and the checkout may have moved.
  wrapBinaryen(ARCHITECTURES[architecture]);
  configure();
  return UNPACKED_ROOT;
}

async function findOrInstall() {
  const onPath = probe('emcc', ['--version'])?.split('\n')[0];
  if (isAtLeast(versionIn(onPath), VERSION)) return probe('em-config', ['EMSCRIPTEN_ROOT']);
  const architecture = debianRelease() === 12 ? debianArchitecture() : undefined;
  if (architecture in ARCHITECTURES) return unpackOnDebian12(architecture);
  throw new UserError(
    missingMessage(onPath === undefined ? 'none was found' : `this is ${onPath}`),
  );
}

/** Makes Emscripten usable and gives its root folder, in which emcc, em++ and the CMake files lie. */
export async function setUpEmscripten() {
  const root = await findOrInstall();
  const platform = join(root, 'cmake/Modules/Platform/Emscripten.cmake');
  if (!existsSync(platform)) throw new UserError(`Emscripten has no ${platform}: is it whole?`);
  writeIfChanged(CMAKE_TOOLCHAIN_FILE, `include("${platform}")\n`);
  return root;
}
