// Bundles the JavaScript libraries, each with its part of the measurement, into build/peers: a worker finds no package
// by its name.

import { join } from 'node:path';
import { defineConfig } from 'vite';

import { BUILD } from '../../../wasm/toolchain/paths.mjs';

const scripts = ['tensorflow_js', 'jax_js'];

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    outDir: join(BUILD, 'peers'),
    emptyOutDir: true,
    target: 'esnext',
    minify: false,
    modulePreload: false,
    rolldownOptions: {
      input: scripts.map((name) => join(import.meta.dirname, `${name}.mjs`)),
      output: { entryFileNames: '[name].js' },
    },
  },
});
