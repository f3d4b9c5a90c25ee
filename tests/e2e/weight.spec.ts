// How much a reader waits for. The timing is in speed.spec.ts; bytes are the same on every machine.
import { expect, test } from './sites';
import { weighPage } from './traffic.mjs';

/**
 * All compressed by Brotli, as static hosts do for browsers of today; by gzip it is a seventh more (npm run bench --
 * --suites page). Threads bring a library and longer glue with them. What only some readers need is in the whole
 * module, which is not fetched for it.
 */
const places = [
  { name: 'one thread', site: 'plain', query: '?tier=simd', most: 94_000 },
  { name: 'the best build without threads', site: 'plain', query: '', most: 94_000 },
  { name: 'the best build', site: 'isolated', query: '', most: 100_000 },
] as const;

for (const { name, site, query, most } of places) {
  test(`few bytes come before the first motion, and not many after it: ${name}`, async ({
    page,
    sites,
  }) => {
    const { before, whole } = await weighPage(page, `${sites[site]}${query}`);
    // Each kind was seen, so that nothing is left out of the sums.
    expect(before.script).toBeGreaterThan(10_000);
    expect(before.wasm).toBeGreaterThan(10_000);
    expect(before.code).toBeLessThanOrEqual(most);
    expect(whole.all).toBeGreaterThan(before.all);
    expect(whole.all).toBeLessThanOrEqual(250_000);
  });
}
