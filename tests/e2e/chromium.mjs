// Which Chromium the end-to-end tests drive, and how it is started.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { debianRelease, installPackages } from '../../wasm/toolchain/debian.mjs';
import { NODE_BIN } from '../../wasm/toolchain/paths.mjs';
import { probe, run, step, UserError } from '../../wasm/toolchain/steps.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function onPath() {
  return NAMES.map((name) => probe('which', [name])).find((path) => path !== undefined);
}

async function playwrightsOwn() {
  const { chromium } = await import('@playwright/test');
  const path = chromium.executablePath();
  return existsSync(path) ? path : undefined;
}

async function install() {
  if (debianRelease() !== undefined) {
    await installPackages(['chromium'], 'for the end-to-end tests');
    return onPath();
  }
  await step('installing Chromium for Playwright', () =>
    run(join(NODE_BIN, 'playwright'), ['install', 'chromium']),
  );
  return playwrightsOwn();
}

/**
 * The path of a Chromium: CHROMIUM_PATH, else the system's, else Playwright's own; where there is none yet
 * it is installed. The npm packages must be there.
 */
export async function setUpChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (existsSync(named)) return named;
    throw new UserError(`CHROMIUM_PATH is '${named}', where there is no file`);
  }
  const found = onPath() ?? (await playwrightsOwn()) ?? (await install());
  if (found === undefined) throw new UserError('Chromium was installed, and is not found');
  return found;
}

/** Playwright's launch options. */
export function launchOptions(executablePath) {
  const args = [
    // A machine without internet is a fine place for the tests.
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    // Parts of the browser's own window, which would load while the first page does: no reader opens the
    // page and a browser at the same moment.
    '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup',
  ];
  // Chromium's sandbox refuses to start as root, which is what a container often runs as.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  return { executablePath, args };
}
