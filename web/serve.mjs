// A small static server for the built page: for `npm start`, and for the tests in browsers.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

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
    if (found?.isFile()) return { path: candidate, size: found.size };
  }
  return undefined;
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
 * @param {Record<string, string>} [options.headers] further headers for every answer, such as a
 *   Content-Security-Policy; they win over the server's own
 */
export async function serve({
  root,
  port = 0,
  host = '127.0.0.1',
  base = '/',
  isolation = true,
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
    response.writeHead(200, {
      'Content-Type': MIME_TYPES[extname(file.path)] ?? 'application/octet-stream',
      'Content-Length': file.size,
      ...common,
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(file.path), response);
  };
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
