// What the reader feels: it starts at once, is soon done, never hesitates, and a pause is a pause.
import { expectGood, openFigure } from './figure';
import { expect, test } from './sites';

test('particles move within a second', async ({ page, sites }) => {
  const figure = await openFigure(page, sites.plain);
  expect(await figure.firstFrame()).toBeLessThanOrEqual(1000);
});

test('ten seconds of training are enough, on one thread', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, '?tier=simd');
  await figure.button('Train').click();
  await figure.expectPhase('done', 100_000);
  expect((await figure.run()).trainingSeconds).toBeLessThanOrEqual(10);
  expectGood(await figure.metrics(10_000));
});

test('no task of the page is over 50 ms while 5,000 particles move and training goes on', async ({
  page,
  sites,
}) => {
  const figure = await openFigure(page, sites.plain, '?particles=5000&steps=100000');
  await page.evaluate(() => {
    const tasks: number[] = [];
    (globalThis as unknown as { longTasks: number[] }).longTasks = tasks;
    new PerformanceObserver((list) => {
      tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)));
    }).observe({ type: 'longtask' });
  });
  await figure.button('Train').click();
  await figure.expectPhase('training');
  await page.waitForTimeout(8000);
  await figure.expectPhase('training');
  const { stepsDone } = await figure.run();
  expect(stepsDone).toBeGreaterThan(1000);
  const tasks = await page.evaluate(
    () => (globalThis as unknown as { longTasks: number[] }).longTasks,
  );
  expect(tasks).toEqual([]);
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
      expect(milliseconds, `${preset}, pause ${String(i + 1)}`).toBeLessThanOrEqual(100);
      await figure.button('Resume').click();
    }
  }
});
