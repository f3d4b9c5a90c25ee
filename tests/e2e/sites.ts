// The places that the page is served from in the tests: each is an origin of its own.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import { serve } from '../../web/serve.mjs';

const dist = resolve(import.meta.dirname, '../../dist');
const post = resolve(import.meta.dirname, 'post');

/** What the figure must run under: no eval, no inline script, workers of its own origin only. */
export const strictPolicy =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'";

/** Stands in the example post where an author writes the address of their copy. */
const placeholder = 'https://figures.example/flowmatch/';

export interface Sites {
  /** With the headers that threads need, and the strict policy. */
  isolated: string;
  /** A static host that nobody can configure, the page below a path. */
  plain: string;
  /** A blog on another origin, with a post that embeds the figure from `plain`. */
  blog: string;
  /** A page beside `plain` that shares no file with it. */
  nothing: string;
}

interface Tests {
  /** Whatever went wrong in the page: errors on its console, and those that nobody caught. */
  complaints: string[];
}

/** Tests that find the sites up, and that fail when the page complains. */
export const test = base.extend<Tests, { sites: Sites }>({
  sites: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the names that a fixture uses
    async ({}, use) => {
      const isolated = await serve({
        root: dist,
        encodings: ['br', 'gzip'],
        headers: { 'Content-Security-Policy': strictPolicy },
      });
      const plain = await serve({
        root: dist,
        base: '/some/path/',
        isolation: false,
        encodings: ['br', 'gzip'],
      });
      const folder = mkdtempSync(join(tmpdir(), 'flowmatch-post-'));
      cpSync(post, folder, { recursive: true });
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll(placeholder, plain.url));
      }
      writeFileSync(join(folder, 'nothing.html'), '<link rel="icon" href="data:," />');
      const blog = await serve({ root: folder, isolation: false, encodings: ['br', 'gzip'] });
      const nothing = new URL('nothing.html', blog.url).href;
      await use({ isolated: isolated.url, plain: plain.url, blog: blog.url, nothing });
      await Promise.all([isolated.close(), plain.close(), blog.close()]);
      rmSync(folder, { recursive: true });
    },
    { scope: 'worker' },
  ],

  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      listen(page, complaints);
      await use(complaints);
      expect(complaints, 'errors in the page').toEqual([]);
    },
    { auto: true },
  ],
});

function listen(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => {
    complaints.push(`uncaught: ${error.message}`);
  });
}

export { expect };
