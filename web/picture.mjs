// npm run picture: makes the picture in the README, web/picture.png: the figure as it stands when the quick preset
// has been trained, a little before the end of the flow.

import { join } from 'node:path';

import { ROOT } from '../wasm/toolchain/paths.mjs';
import { setUp } from '../wasm/toolchain/setup.mjs';
import { main, step } from '../wasm/toolchain/steps.mjs';
import { launchOptions, setUpChromium } from '../tests/e2e/chromium.mjs';
import { buildAll } from './build.mjs';
import { serve } from './serve.mjs';

const PATH = join(ROOT, 'web', 'picture.png');
const QUERY = '?train=on&playing=off&t=0.85&particles=1500&show-trajectories=on';

async function takePicture() {
  const { chromium } = await import('@playwright/test');
  const server = await serve({ root: join(ROOT, 'dist') });
  const browser = await chromium.launch(launchOptions(await setUpChromium()));
  try {
    const page = await browser.newPage({
      viewport: { width: 1280, height: 1200 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
    await page.goto(new URL(QUERY, server.url).href);
    const figure = page.locator('flow-matching');
    await page.locator('flow-matching[data-phase="done"]').waitFor({ timeout: 300_000 });
    // The last flow and the last measurement come after the last step.
    await page.waitForTimeout(10_000);
    await figure.screenshot({ path: PATH });
  } finally {
    await browser.close();
    await server.close();
  }
}

await main(async () => {
  await setUp();
  await buildAll();
  await step('taking the picture', takePicture);
});
