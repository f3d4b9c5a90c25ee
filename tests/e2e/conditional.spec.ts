// A conditional model in a real browser: told the classes, it is sampled and measured one class at a time, under
// the schedule of its training or another; and what the page saves of it is a configuration.
import { readFile } from 'node:fs/promises';
import { openFigure } from './figure';
import { expect, test } from './sites';

test('a conditional model is trained, and a class of it sampled', async ({ page, sites }) => {
  test.slow();
  const query = '?tier=simd&components=3&radius=4&standard-deviation=0.5&hidden-layers=32-32';
  const figure = await openFigure(
    page,
    sites.plain,
    `${query}&steps=600&learning-rate=0.01&labels=on`,
  );
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  const all = await figure.metrics(10_000);
  expect(all.modeShares).toHaveLength(3);

  await figure.openSettings();
  await expect(figure.setting('guidance')).toHaveCount(0);
  const choice = figure.setting('label').getByRole('combobox');
  await expect(choice.getByRole('option')).toHaveText([
    'all classes',
    'class 0',
    'class 1',
    'class 2',
  ]);
  await choice.selectOption('2');
  await expect(figure.setting('guidance')).toBeVisible();
  await expect
    .poll(async () => (await figure.metrics(10_000)).modeShares.length, { timeout: 30_000 })
    .toBe(1);
  const ofClass = await figure.metrics(10_000);
  // The model was kept, and what it makes is that class and nothing else.
  expect(ofClass.stepsDone).toBe(600);
  expect(ofClass.withinThree).toBeGreaterThan(0.9);
  expect(ofClass.energyDistance).toBeLessThan(0.1);

  // Under another schedule it is the same distribution.
  await figure.setting('sampling-schedule').getByRole('combobox').selectOption('cosine');
  await expect
    .poll(async () => (await figure.metrics(10_000)).energyDistance, { timeout: 30_000 })
    .not.toBe(ofClass.energyDistance);
  const cosine = await figure.metrics(10_000);
  expect(cosine.stepsDone).toBe(600);
  expect(cosine.energyDistance).toBeLessThan(0.1);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    figure.button('Save settings').click(),
  ]);
  expect(download.suggestedFilename()).toBe('flowmatch.json');
  const config = JSON.parse(await readFile(await download.path(), 'utf8')) as object;
  expect(config).toMatchObject({
    data: { components: 3 },
    labels: true,
    sampler: { guidance: { label: 2, scale: 0 }, schedule: { schedule: 'cosine' } },
  });
});
