// The engine's modules under node, which they are not built for: they are given their bytes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { MainModule } from '#wasm';

import { BUILD } from '../../wasm/toolchain/paths.mjs';

interface Options {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
}

/** The build for one thread, which every node can run; of the small module the type promises too much. */
export async function loadUnderNode(name: 'flowmatch' | 'flowmatch-basic'): Promise<MainModule> {
  const path = join(BUILD, 'wasm/simd', name);
  const { default: factory } = (await import(pathToFileURL(`${path}.mjs`).href)) as {
    default: (options: Options) => Promise<MainModule>;
  };
  const module = new WebAssembly.Module(readFileSync(`${path}.wasm`));
  return factory({
    instantiateWasm(imports, receive) {
      // Not at once: as in a browser.
      void WebAssembly.instantiate(module, imports).then((instance) => {
        receive(instance, module);
      });
      return {};
    },
  });
}
