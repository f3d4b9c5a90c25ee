// What a page fetches, as the browser's Network domain counts it: bytes as they come over the line, and when.

/**
 * One finished request. `bytes` is its body as it was sent, 0 if a cache had it; `stated` is what the host says of it;
 * `start` is in the time of Date.now().
 */
async function described(request) {
  const path = new URL(request.url()).pathname;
  const kind = /\.m?js$/.test(path) ? 'script' : path.endsWith('.wasm') ? 'wasm' : 'other';
  const { responseBodySize } = await request.sizes();
  const headers = (await request.response())?.headers() ?? {};
  return {
    url: request.url(),
    path,
    kind,
    bytes: Math.max(responseBodySize, 0),
    stated: Number(headers['content-length'] ?? 0),
    start: request.timing().startTime,
  };
}

/**
 * The browser does not count the bytes of a worker's own script. The cache being empty, something of every address came
 * over the line: where none of its requests has any bytes, the first is what the host says of it.
 */
function withUncounted(requests) {
  const counted = new Set(requests.filter(({ bytes }) => bytes > 0).map(({ url }) => url));
  return requests
    .toSorted((a, b) => a.start - b.start)
    .map(({ stated, ...request }) => {
      if (counted.has(request.url)) return request;
      counted.add(request.url);
      return { ...request, bytes: stated };
    });
}

/**
 * Listens to a page from before it is opened, workers included. `requests()` gives what has been fetched since.
 *
 * @param {import('@playwright/test').Page} page
 */
export function listenToTraffic(page) {
  const finished = [];
  page.on('requestfinished', (request) => finished.push(described(request)));
  return { requests: async () => withUncounted(await Promise.all(finished)) };
}

/** The bytes and the number of the requests that went over the line, in all and by kind. */
export function summed(requests) {
  const sum = { script: 0, wasm: 0, other: 0, requests: 0 };
  for (const { kind, bytes } of requests) {
    sum[kind] += bytes;
    if (bytes > 0) sum.requests++;
  }
  return { ...sum, code: sum.script + sum.wasm, all: sum.script + sum.wasm + sum.other };
}

/**
 * Opens the page of the figure, waits for its first motion, then for all that comes later, what only some
 * readers ask for included. Gives the sums of the requests that were made before the first motion, and of all.
 *
 * @param {import('@playwright/test').Page} page
 * @param {string} url
 */
export async function weighPage(page, url) {
  const traffic = listenToTraffic(page);
  await page.goto(url);
  const figure = page.locator('flow-matching[data-first-frame-ms]');
  await figure.waitFor();
  const { milliseconds, motion } = await figure.evaluate((element) => {
    const of = Number(element.dataset.firstFrameMs);
    return { milliseconds: of, motion: performance.timeOrigin + of };
  });
  await page.getByRole('radio', { name: 'Difference' }).check();
  await page.locator('flow-matching-loss canvas').waitFor();
  await page.waitForLoadState('networkidle');
  const requests = await traffic.requests();
  return {
    milliseconds,
    before: summed(requests.filter(({ start }) => start < motion)),
    whole: summed(requests),
  };
}
