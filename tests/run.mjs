// npm test: all tests, or those of the suites that are named: native, wasm, unit, e2e. The suite `speed` runs
// only when it is named, on a quiet machine: a loaded one says nothing about the page.
//
// Every suite runs, whatever became of the ones before; what failed is shown in full at its end, and the
// last line counts the tests.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { buildEngine } from '../wasm/build.mjs';
import { buildFolder, buildPreset } from '../wasm/toolchain/cmake.mjs';
import { BUILD, NODE_BIN, ROOT } from '../wasm/toolchain/paths.mjs';
import { setUp } from '../wasm/toolchain/setup.mjs';
import { CommandError, main, run, seconds, UserError } from '../wasm/toolchain/steps.mjs';
import { bundlePage } from '../web/build.mjs';
import { setUpChromium } from './e2e/chromium.mjs';

/** Runs a command that may fail, as tests do, and gives what it printed and whether it succeeded. */
async function attempt(command, args, options) {
  try {
    return { ok: true, output: await run(command, args, options) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { ok: false, output: error.output };
  }
}

/** A suite that fails without a failed test, for instance by a crash, or runs no test, counts as one. */
function result(attempted, passed, failed) {
  const ran = attempted.ok && passed + failed > 0;
  return { passed, failed: ran ? failed : Math.max(failed, 1), output: attempted.output };
}

async function runNative() {
  await buildPreset('native-release');
  const jobs = String(availableParallelism());
  const attempted = await attempt('ctest', ['--preset', 'native-release', '--parallel', jobs]);
  const summary = /(\d+) tests? failed out of (\d+)/.exec(attempted.output);
  const [failed, total] = summary?.slice(1).map(Number) ?? [0, 0];
  return result(attempted, total - failed, failed);
}

async function runUnderNode(preset) {
  await buildPreset(preset, ['flowmatch_tests']);
  const program = join(buildFolder(preset), 'tests/core/flowmatch_tests.mjs');
  const start = join(ROOT, 'tests/core/under-node.mjs');
  const args = [start, program, '--colour-mode', 'none'];
  const attempted = await attempt(process.execPath, args);
  const all = /All tests passed \(.* in (\d+) test cases?\)/.exec(attempted.output);
  if (all) return result(attempted, Number(all[1]), 0);
  const count = (word) =>
    Number(new RegExp(`^test cases:.*?(\\d+) ${word}`, 'm').exec(attempted.output)?.[1] ?? 0);
  return result(attempted, count('passed'), count('failed'));
}

/** Runs a command that writes a JSON report to `path`. */
async function attemptWithReport(path, command, args, options) {
  rmSync(path, { force: true });
  const attempted = await attempt(command, args, options);
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  return { attempted, report };
}

async function runUnit() {
  await buildEngine();
  const path = join(BUILD, 'reports/unit.json');
  const args = ['run', '--config', 'web/vitest.config.ts', '--reporter=default', '--reporter=json'];
  args.push(`--outputFile.json=${path}`);
  const { attempted, report } = await attemptWithReport(path, join(NODE_BIN, 'vitest'), args);
  return result(attempted, report?.numPassedTests ?? 0, report?.numFailedTests ?? 0);
}

async function runInChromium(project) {
  await buildEngine();
  await bundlePage();
  const chromium = await setUpChromium();
  console.log(`  Chromium: ${chromium}`);
  const path = join(BUILD, `reports/${project}.json`);
  const env = { CHROMIUM_PATH: chromium, PLAYWRIGHT_JSON_OUTPUT_FILE: path };
  const args = ['test', '--config', 'tests/e2e/playwright.config.ts', `--project=${project}`];
  args.push('--reporter=list,json');
  const { attempted, report } = await attemptWithReport(path, join(NODE_BIN, 'playwright'), args, {
    env,
  });
  const { expected = 0, flaky = 0, unexpected = 0 } = report?.stats ?? {};
  return result(attempted, expected + flaky, unexpected);
}

const SUITES = [
  { name: 'native', title: 'core, native', work: runNative },
  { name: 'wasm', title: 'core, WebAssembly, one thread', work: () => runUnderNode('wasm-simd') },
  {
    name: 'wasm',
    title: 'core, WebAssembly, threads',
    work: () => runUnderNode('wasm-simd-threads'),
  },
  { name: 'unit', title: 'TypeScript', work: runUnit },
  { name: 'e2e', title: 'end to end, Chromium', work: () => runInChromium('behaviour') },
  { name: 'speed', title: 'speed, Chromium', work: () => runInChromium('speed'), onDemand: true },
];

async function runSuite({ title, work, onDemand }) {
  console.log(`\n== ${title}`);
  const start = performance.now();
  let outcome;
  try {
    outcome = await work();
  } catch (error) {
    // What had to be built first could not be.
    outcome = {
      passed: 0,
      failed: 1,
      output: error instanceof UserError ? error.message : error.stack,
    };
  }
  const { passed, failed, output } = outcome;
  // What is measured is there to be read; of tests only their failures are.
  if (failed > 0 || onDemand) console.log(`\n${output.trimEnd()}\n`);
  const summary = `${title}: ${passed} passed, ${failed} failed (${seconds(performance.now() - start)})`;
  console.log(summary);
  return { passed, failed, summary };
}

await main(async () => {
  const wanted = process.argv.slice(2);
  const names = new Set(SUITES.map(({ name }) => name));
  const unknown = wanted.filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new UserError(`no suite '${unknown.join(', ')}': there are ${[...names].join(', ')}`);
  }
  await setUp();
  const outcomes = [];
  for (const suite of SUITES) {
    const runs = wanted.length === 0 ? !suite.onDemand : wanted.includes(suite.name);
    if (runs) outcomes.push(await runSuite(suite));
  }
  const total = (key) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  console.log(`\n${outcomes.map(({ summary }) => summary).join('\n')}`);
  console.log(`${total('passed')} passed, ${total('failed')} failed`);
  if (total('failed') > 0) process.exitCode = 1;
});
