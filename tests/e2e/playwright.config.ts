// End-to-end tests of the built page in Chromium. `npm run test:e2e` builds it first, and runs those of what
// the page does; `npm run test:speed` runs those of how fast it does it, which only a quiet machine can pass.
import { defineConfig } from '@playwright/test';
import { launchOptions, setUpChromium } from './chromium.mjs';

const launch = launchOptions(await setUpChromium());

export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results',
  projects: [
    { name: 'behaviour', testIgnore: 'speed.spec.ts' },
    { name: 'speed', testMatch: 'speed.spec.ts', retries: 2 },
  ],
  // They take turns, so that each has the processors to itself.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env['CI']),
  // A shared machine may stall for seconds; what fails twice there is no accident.
  retries: process.env['CI'] ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    launchOptions: {
      ...launch,
      // Memory is measured when it is asked for, not when the browser finds the time.
      args: [...launch.args, '--enable-blink-features=ForceEagerMeasureMemory'],
    },
    viewport: { width: 1280, height: 900 },
    // A trace would slow the page down, which the tests measure.
    screenshot: 'only-on-failure',
  },
});
