/**
 * The build of the page: a static folder that works under any path, with
 *
 *   index.html, embed.html   the page, and the form of the figure for an iframe
 *   flowmatch.js             the script that a blog author pastes; its name never changes
 *   assets/                  everything else, named by content
 *   wasm/<content>/<tier>/   the WebAssembly builds and their glue, together, so that no cache mixes two
 *
 * The builds are served as they are: Vite does not understand the glue, and need not. For the folder the glue
 * is made smaller, by the minifier alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, minify, type Plugin } from 'vite';

const tiers = ['simd', 'simd-threads', 'relaxed', 'relaxed-threads'];
const modules = ['flowmatch-basic', 'flowmatch'];
const files = modules.flatMap((name) => [`${name}.mjs`, `${name}.wasm`]);
const types: Record<string, string> = { mjs: 'text/javascript', wasm: 'application/wasm' };
const builds = resolve(import.meta.dirname, '../build/wasm');

/** Threads need these on every answer; the built page works without them, on one thread. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

/** Emscripten has taken the spaces out of its glue already; long names are left. */
async function minified(path: string): Promise<Buffer> {
  const { code, errors } = await minify(path, readFileSync(path, 'utf8'), { module: true });
  if (errors.length > 0) throw new Error(`${path}: ${errors.map((e) => e.message).join('; ')}`);
  return Buffer.from(code);
}

function wasmBuilds(): Plugin {
  const sources = new Map<string, Buffer>();
  return {
    name: 'flowmatch-wasm-builds',

    async config(_config, { command }) {
      if (command === 'serve') return { define: { __FLOWMATCH_WASM__: '"/wasm"' } };
      const hash = createHash('sha256');
      for (const tier of tiers) {
        for (const file of files) {
          const path = join(builds, tier, file);
          if (!existsSync(path)) {
            throw new Error(`${path} is missing: build it with "npm run build:wasm".`);
          }
          const source = file.endsWith('.mjs') ? await minified(path) : readFileSync(path);
          sources.set(`${tier}/${file}`, source);
          hash.update(source);
        }
      }
      const folder = hash.digest('hex').slice(0, 12);
      for (const [name, source] of [...sources]) {
        sources.delete(name);
        sources.set(`wasm/${folder}/${name}`, source);
      }
      // From the worker's script, which lies in assets/.
      return { define: { __FLOWMATCH_WASM__: JSON.stringify(`../wasm/${folder}`) } };
    },

    configureServer(server) {
      server.middlewares.use('/wasm', (request, response, next) => {
        const path = new URL(request.url ?? '', 'http://localhost').pathname;
        const [, tier = '', file = ''] = path.split('/');
        const type = types[file.split('.')[1] ?? ''];
        if (
          !tiers.includes(tier) ||
          !type ||
          !files.includes(file) ||
          !existsSync(join(builds, tier, file))
        ) {
          next();
          return;
        }
        response.writeHead(200, {
          'Content-Type': type,
          'Cache-Control': 'no-store',
          ...isolation,
        });
        response.end(readFileSync(join(builds, tier, file)));
      });
    },

    generateBundle() {
      for (const [fileName, source] of sources) this.emitFile({ type: 'asset', fileName, source });
    },
  };
}

/** Files that come later have no style sheets to be fetched with them, which is all that Vite's helper is for. */
function withoutPreloading(): Plugin {
  return {
    name: 'flowmatch-without-preloading',
    apply: 'build',
    enforce: 'pre',
    load: (id) =>
      id.endsWith('vite/preload-helper.js')
        ? 'export const __vitePreload = (load) => load();'
        : null,
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  cacheDir: '../node_modules/.vite',
  plugins: [wasmBuilds(), withoutPreloading()],
  server: { headers: isolation },
  worker: { format: 'es' },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    // Browsers with WebAssembly SIMD have all of this, top-level await and import.meta among it.
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      // What flowmatch.js exports is for other scripts too.
      preserveEntrySignatures: 'allow-extension',
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        embed: resolve(import.meta.dirname, 'embed.html'),
        flowmatch: resolve(import.meta.dirname, 'src/flowmatch.ts'),
      },
      output: {
        entryFileNames: ({ name }) =>
          name === 'flowmatch' ? 'flowmatch.js' : 'assets/[name]-[hash].js',
      },
    },
  },
});
