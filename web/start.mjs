// npm start: builds all that is missing and serves the page. PORT chooses the port.

import { DIST } from '../wasm/toolchain/paths.mjs';
import { main, UserError } from '../wasm/toolchain/steps.mjs';
import { buildAll } from './build.mjs';
import { serve } from './serve.mjs';

const DEFAULT_PORT = 8080;

function wantedPort() {
  const text = process.env.PORT ?? String(DEFAULT_PORT);
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new UserError(`PORT is '${text}': it must be a whole number from 0 to 65535`);
}

await main(async () => {
  const wanted = wantedPort();
  await buildAll();
  const server = await serve({ root: DIST, port: wanted, encodings: ['br', 'gzip'] });
  if (wanted !== 0 && server.port !== wanted) console.log(`Port ${wanted} is taken.`);
  console.log(`\nflowmatch is at ${server.url}  (Ctrl-C stops it)`);
  const stop = async () => {
    await server.close();
    console.log('\nStopped.');
    process.exit(0);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
});
