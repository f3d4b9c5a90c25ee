// The suite `page` of npm run bench: what a reader waits for who has never been on the page. Each visit is a browser
// context of its own, with an empty cache, on its way from another page of the same host.

import { buildAll } from '../../web/build.mjs';
import { DIST } from '../../wasm/toolchain/paths.mjs';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from '../e2e/chromium.mjs';
import { weighPage } from '../e2e/traffic.mjs';

/** What the host sends, and which build runs there. */
const PLACES = [
  { name: 'best build, gzip', isolation: true, encoding: 'gzip', query: '' },
  { name: 'best build, br', isolation: true, encoding: 'br', query: '' },
  { name: 'simd, one thread, gzip', isolation: false, encoding: 'gzip', query: '?tier=simd' },
  { name: 'simd, one thread, br', isolation: false, encoding: 'br', query: '?tier=simd' },
];

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

async function visit(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    // That a browser starts a process for a site is not the page's time; nothing of the page is fetched by it.
    await page.goto(new URL('nothing-is-here', url).href);
    return await weighPage(page, url);
  } finally {
    await context.close();
  }
}

/** Gives for each place the median and the shortest time of `rounds` visits, and the bytes of one. */
export async function measurePage(rounds) {
  await buildAll();
  const { chromium } = await import('@playwright/test');
  const browser = await chromium.launch(launchOptions(await setUpChromium()));
  const servers = [];
  try {
    for (const { isolation, encoding } of PLACES) {
      servers.push(await serve({ root: DIST, isolation, encodings: [encoding] }));
    }
    const visits = PLACES.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, { query }] of PLACES.entries()) {
        visits[index].push(await visit(browser, `${servers[index].url}${query}`));
      }
    }
    return PLACES.map(({ name }, index) => {
      const times = visits[index].map(({ milliseconds }) => milliseconds);
      const { before, whole } = visits[index][0];
      return { place: name, milliseconds: median(times), best: Math.min(...times), before, whole };
    });
  } finally {
    await browser.close();
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** As lines to print. */
export function pageTable(places) {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const head = ['page', 'first motion', 'best', 'JavaScript', 'WebAssembly', 'both', 'requests'];
  head.push('all, in the end', 'requests');
  return [
    row(head),
    row(head.map(() => '---')),
    ...places.map(({ place, milliseconds, best, before, whole }) =>
      row([
        place,
        `${milliseconds} ms`,
        `${best} ms`,
        kilobytes(before.script),
        kilobytes(before.wasm),
        kilobytes(before.code),
        before.requests,
        kilobytes(whole.all),
        whole.requests,
      ]),
    ),
  ].join('\n');
}
