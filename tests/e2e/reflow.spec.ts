// Straight paths as a reader makes them: a run on the model's own pairs, a student for one step, and back again.
import { AxeBuilder } from '@axe-core/playwright';
import type { Quality } from '../../web/src/figure/controls/quality-table';
import { openFigure, type Figure } from './figure';
import { expect, test } from './sites';

const small = '?tier=simd&components=3&radius=4&standard-deviation=0.5&hidden-layers=32-32';
const query = `${small}&steps=700&learning-rate=0.005&batch-size=128&train=on`;
const trainingTime = 60_000;

/** What a row of the quality table says: the number now, and what it was of the run before. */
async function read(figure: Figure, name: string): Promise<{ now: number; was: number }> {
  const cell = figure.element.getByRole('row', { name }).getByRole('cell').first();
  const text = await cell.innerText();
  const [now, was] = [...text.matchAll(/[\d.]+/g)].map(([digits]) => Number(digits));
  return { now: now ?? NaN, was: was ?? NaN };
}

/** Waits until straightness is measured, and well, of the weights that there are at the end. */
async function measured(figure: Figure): Promise<void> {
  const latest = () =>
    figure.element.locator('flow-matching-quality').evaluate((table) => {
      const { straightening } = (table as unknown as { quality: Quality }).quality;
      return { stepsDone: straightening?.latest?.stepsDone, count: straightening?.latest?.count };
    });
  await expect.poll(latest, { timeout: 60_000 }).toEqual({ stepsDone: 700, count: 1024 });
}

async function straighten(figure: Figure, button: string, heading: string): Promise<void> {
  await figure.button(button).click();
  await expect(figure.element.getByRole('heading', { name: heading })).toBeVisible({
    timeout: trainingTime,
  });
  await figure.expectPhase('done', trainingTime);
  await measured(figure);
}

test('a flow is made straight, a student learns one step of it, and the first run is kept', async ({
  page,
  sites,
}) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, query);
  await figure.expectPhase('done', trainingTime);
  const row = (name: string) => figure.element.getByRole('row', { name });
  await figure.metrics(10_000);
  await expect(row('Straightness')).toHaveCount(0);

  // The part of the engine that measures it is fetched when a reader asks for it.
  await figure.button('Measure straightness').click();
  await measured(figure);
  await expect(figure.button('Measure straightness')).toHaveCount(0);
  const first = await read(figure, 'Straightness');
  expect(first.now).toBeGreaterThan(0.5);

  // Given up: nothing has happened.
  await figure.button('Straighten (reflow)').click();
  await expect(figure.element.getByText('Making 20,000 pairs')).toBeVisible();
  await figure.button('Cancel').click();
  const learned = figure.element.getByRole('heading', { name: 'Learned field, step 700' });
  await expect(learned).toBeVisible();
  await figure.expectPhase('done');
  const { stepsDone } = await figure.run();
  expect(stepsDone).toBe(700);

  await straighten(figure, 'Straighten (reflow)', '2-rectified flow, step 700');
  const second = await read(figure, 'Straightness');
  expect(second.was).toBe(first.now);
  expect(second.now).toBeLessThan(second.was / 5);
  const leap = await read(figure, 'one Euler step');
  expect(leap.now).toBeLessThan(leap.was / 2);
  // A link is of the first run.
  const link = new URL(page.url()).searchParams;
  expect(link.get('train')).toBe('on');
  expect([...link.values()].join()).not.toContain('reflow');
  await expect(
    figure.element.getByText('A link and the saved settings give the first run'),
  ).toBeVisible();

  await straighten(figure, 'One-step student', 'One-step student, step 700');
  await expect(row('Straightness')).toHaveCount(0);
  await expect(figure.element.getByText('1 evaluation a particle')).toBeVisible();
  await expect(figure.button('Straighten (reflow)')).toBeDisabled();

  await figure.button('Back to the 2-rectified flow').click();
  await measured(figure);
  expect((await read(figure, 'Straightness')).now).toBe(second.now);
  await figure.button('Back to the first run').click();
  await expect(learned).toBeVisible();
  await measured(figure);
  expect((await read(figure, 'Straightness')).now).toBe(first.now);
  await expect(row('Straightness')).not.toContainText('was');

  await figure.button('Reset').click();
  await expect(figure.button('Straighten (reflow)')).toBeDisabled();
  await expect(figure.element.getByText('Train the model first')).toBeVisible();
});

test('other settings, and another engine, begin with the first run again', async ({
  page,
  sites,
}) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, query);
  await figure.expectPhase('done', trainingTime);
  await straighten(figure, 'Straighten (reflow)', '2-rectified flow, step 700');
  await figure.openSettings();
  // A setting of the cloud leaves the run as it is; one of the training waits for the reader's word.
  await figure.enter('particles', '500');
  await figure.enter('batch-size', '64');
  await expect(figure.button('Restart training')).toBeVisible();
  await expect(figure.element.getByRole('heading', { name: /^2-rectified flow/ })).toBeVisible();
  await figure.button('Restart training').click();
  await expect(figure.element.getByRole('heading', { name: /^Learned field/ })).toBeVisible();
  await figure.expectPhase('done', trainingTime);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`straight paths are for everybody, ${colorScheme}`, async ({ page, sites }) => {
    test.slow();
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 900 });
    const figure = await openFigure(page, sites.plain, query);
    await figure.expectPhase('done', trainingTime);
    // By the keyboard alone.
    await figure.button('Straighten (reflow)').focus();
    await page.keyboard.press('Enter');
    await expect(figure.element.getByRole('progressbar', { name: 'Pairs made' })).toBeVisible();
    const making = await new AxeBuilder({ page }).analyze();
    expect(making.violations).toEqual([]);
    await expect(figure.element.getByRole('row', { name: 'Straightness' })).toContainText('was', {
      timeout: trainingTime,
    });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations).toEqual([]);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  });
}
