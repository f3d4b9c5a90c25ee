// A small static server for the built page: for `npm start`, and for the tests in browsers.

import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const MIME_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/** What compression takes nothing off. */
const DENSE = new Set(['.ico', '.png', '.webp', '.woff2']);

/** As hard as each can: a file is compressed once, and sent often. */
const COMPRESSORS = {
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

// With these two a page is cross-origin isolated, which is what gives it SharedArrayBuffer, hence threads.
const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
// Pages of other origins may load what is here, isolated ones too.
const SHARING_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

/** The file that a request's path names, or undefined when it is none below `root`. */
async function findFile(root, base, path) {
  if (!path.startsWith(base)) return undefined;
  const file = join(root, normalize(`/${path.slice(base.length)}`));
  if (file !== root && !file.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
  const index = join(file, 'index.html');
  for (const candidate of path.endsWith('/') ? [index] : [file]) {
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isFile()) {
      return { path: candidate, size: found.size, version: `${found.size}-${found.mtimeMs}` };
    }
  }
  return undefined;
}

/** Compressed bodies by file and encoding, for all servers of the process. */
const compressed = new Map();

/** A file's bytes in an encoding; of a file that has changed, the new ones. */
function compress(file, encoding) {
  const key = `${encoding} ${file.path}`;
  let entry = compressed.get(key);
  if (entry?.version !== file.version) {
    entry = { version: file.version, body: readFile(file.path).then(COMPRESSORS[encoding]) };
    compressed.set(key, entry);
    entry.body.catch(() => compressed.delete(key));
  }
  return entry.body;
}

/** The first of `encodings` that an Accept-Encoding header allows, if any. */
export function chooseEncoding(header = '', encodings = []) {
  const weights = new Map(
    header.split(',').map((part) => {
      const [name, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const weight = parameters.find((text) => text.startsWith('q='));
      return [name, weight === undefined ? 1 : Number(weight.slice(2))];
    }),
  );
  return encodings.find((encoding) => (weights.get(encoding) ?? weights.get('*') ?? 0) > 0);
}

/** Compresses every file of a folder, so that no request waits for it. */
async function compressAll(folder, encodings) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile() || DENSE.has(extname(path))) continue;
    const { size, mtimeMs } = await stat(path);
    for (const encoding of encodings) {
      await compress({ path, version: `${size}-${mtimeMs}` }, encoding);
    }
  }
}

function decodedPath(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address().port);
    });
  });
}

/**
 * Serves a folder and gives `{ url, port, close }`.
 *
 * @param {object} options
 * @param {string} options.root the folder
 * @param {number} [options.port] the port, 0 for any; when it is taken the next free one of ten is
 * @param {string} [options.host] the address to listen at
 * @param {string} [options.base] the path under which the folder appears, with a slash at both ends
 * @param {boolean} [options.isolation] whether to send the headers that threads need
 * @param {('br' | 'gzip')[]} [options.encodings] the compressions that it may send, the best first; all the files
 *   are then compressed before it is ready
 * @param {Record<string, string>} [options.headers] further headers for every answer, such as a
 *   Content-Security-Policy; they win over the server's own
 */
export async function serve({
  root,
  port = 0,
  host = '127.0.0.1',
  base = '/',
  isolation = true,
  encodings = [],
  headers = {},
}) {
  const common = {
    'Cache-Control': 'no-cache',
    ...SHARING_HEADERS,
    ...(isolation ? ISOLATION_HEADERS : {}),
    ...headers,
  };
  const answer = async (request, response) => {
    const refuse = (status, text, more = {}) => {
      response.writeHead(status, { ...common, 'Content-Type': MIME_TYPES['.txt'], ...more });
      response.end(`${text}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(405, 'only GET and HEAD', { Allow: 'GET, HEAD' });
      return;
    }
    const path = decodedPath(request.url);
    const file = path === undefined ? undefined : await findFile(root, base, path);
    if (file === undefined) {
      refuse(404, 'not found');
      return;
    }
    const extension = extname(file.path);
    const mayCompress = encodings.length > 0 && !DENSE.has(extension);
    const encoding = mayCompress
      ? chooseEncoding(request.headers['accept-encoding'], encodings)
      : undefined;
    // Each form of a file is a thing of its own to a cache.
    const tag = `"${file.version}-${encoding ?? 'identity'}"`;
    const described = {
      ETag: tag,
      ...(mayCompress ? { Vary: 'Accept-Encoding' } : {}),
      ...common,
    };
    if (request.headers['if-none-match']?.split(/,\s*/).includes(tag)) {
      response.writeHead(304, described).end();
      return;
    }
    const body = encoding && (await compress(file, encoding));
    response.writeHead(200, {
      'Content-Type': MIME_TYPES[extension] ?? 'application/octet-stream',
      'Content-Length': body ? body.length : file.size,
      ...(encoding ? { 'Content-Encoding': encoding } : {}),
      ...described,
    });
    if (request.method === 'HEAD') response.end();
    else if (body) response.end(body);
    else await pipeline(createReadStream(file.path), response);
  };
  if (encodings.length > 0) await compressAll(root, encodings);
  const server = createServer((request, response) => {
    // A reader that goes away in the middle is no fault of ours.
    answer(request, response).catch(() => response.destroy());
  });

  let bound;
  for (let attempt = 0; bound === undefined; attempt++) {
    try {
      bound = await listen(server, port === 0 ? 0 : port + attempt, host);
    } catch (error) {
      if (error.code !== 'EADDRINUSE' || attempt === 9) throw error;
    }
  }
  return {
    url: `http://${host === '127.0.0.1' ? 'localhost' : host}:${bound}${base}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
