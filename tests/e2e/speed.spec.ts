// What the reader feels: it starts at once, is soon done, never hesitates, and a pause is a pause.
import type { Browser } from '@playwright/test';
import { expectGood, openFigure } from './figure';
import { expect, test } from './sites';

function report(line: string): void {
  process.stdout.write(`    ${line}\n`);
}

test('particles move within a second', async ({ page, sites }) => {
  // The reader comes from another page: that a browser starts a process for a site is not the page's time.
  await page.goto(sites.nothing);
  const figure = await openFigure(page, sites.plain);
  const milliseconds = await figure.firstFrame();
  report(`the first frame after ${String(milliseconds)} ms`);
  expect(milliseconds).toBeLessThanOrEqual(1000);
});

test('ten seconds of training are enough, on one thread', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, '?tier=simd');
  await figure.button('Train').click();
  await figure.expectPhase('done', 100_000);
  const { trainingSeconds } = await figure.run();
  const metrics = await figure.metrics(10_000);
  report(
    `${trainingSeconds.toFixed(1)} s of training; energy distance ` +
      `${metrics.energyDistance.toFixed(4)}, floor ${metrics.energyDistanceFloor.toFixed(4)}`,
  );
  expect(trainingSeconds).toBeLessThanOrEqual(10);
  expectGood(metrics);
});

/** A span of a browser's trace; times in microseconds. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  dur?: number;
  /** Of `dur`, what the thread had a processor for. */
  tdur?: number;
  args?: { name?: string };
}

/** Milliseconds of processor time of every task that a page's main thread runs while `work` is done. */
async function taskMilliseconds(browser: Browser, work: () => Promise<void>): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const ended = new Promise<void>((resolve) => {
    session.on('Tracing.tracingComplete', () => {
      resolve();
    });
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel'] },
  });
  await work();
  await session.send('Tracing.end');
  await ended;
  const threads = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${String(pid)} ${String(tid)}`),
  );
  return events
    .filter(({ ph, pid, tid }) => ph === 'X' && threads.has(`${String(pid)} ${String(tid)}`))
    .map(({ dur = 0, tdur }) => (tdur ?? dur) / 1000);
}

// In processor time: on a machine that is shared, any task may be made to wait.
test('no task of the page is over 50 ms while 5,000 particles move and training goes on', async ({
  browser,
  page,
  sites,
}) => {
  const figure = await openFigure(page, sites.plain, '?particles=5000&steps=100000');
  const tasks = await taskMilliseconds(browser, async () => {
    await figure.button('Train').click();
    await figure.expectPhase('training');
    await page.waitForTimeout(8000);
  });
  await figure.expectPhase('training');
  const { stepsDone } = await figure.run();
  expect(stepsDone).toBeGreaterThan(1000);
  expect(tasks.length).toBeGreaterThan(500);
  report(`${String(tasks.length)} tasks, the longest ${Math.max(...tasks).toFixed(0)} ms`);
  expect(tasks.filter((milliseconds) => milliseconds > 50)).toEqual([]);
});

test('a pause takes effect within 100 ms', async ({ page, sites }) => {
  for (const preset of ['quick', 'blog']) {
    const query = `?preset=${preset}&steps=100000&train=on`;
    const figure = await openFigure(page, sites.plain, query);
    for (let i = 0; i < 3; i++) {
      await figure.expectPhase('training');
      await page.waitForTimeout(1200);
      const milliseconds = await figure.button('Pause').evaluate(async (button) => {
        const paused = new Promise<void>((resolve) => {
          addEventListener('flowmatch-progress', (event) => {
            if ((event as CustomEvent<{ phase: string }>).detail.phase === 'paused') resolve();
          });
        });
        const begin = performance.now();
        (button as HTMLButtonElement).click();
        await paused;
        return performance.now() - begin;
      });
      report(`${preset}: paused after ${milliseconds.toFixed(0)} ms`);
      expect(milliseconds, `${preset}, pause ${String(i + 1)}`).toBeLessThanOrEqual(100);
      await figure.button('Resume').click();
    }
  }
});
