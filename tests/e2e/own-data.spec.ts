// Data of the reader's own in a real browser: parameters, mixtures and points, by the keyboard and by hand.
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator } from '@playwright/test';
import { openFigure, type Figure } from './figure';
import { expect, test } from './sites';

const small = '?tier=simd&hidden-layers=32-32&steps=400&learning-rate=0.01&particles=500';

/** The editor that stands for a setting. */
const editor = (figure: Figure, name: string): Locator =>
  figure.element.locator(`flow-matching-settings [data-setting="${name}"]`);

async function choose(figure: Figure, dataSet: string): Promise<void> {
  await figure.setting('data-set').getByRole('combobox').selectOption(dataSet);
}

test('points are pasted, trained on and shown', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, small);
  await figure.openSettings();
  await choose(figure, 'points');
  const points = editor(figure, 'points');
  const text = points.getByRole('textbox');
  await expect(text).toHaveValue(/^-1\.5, 1\.5\n/);
  // Two far clumps, told apart by the third column.
  const rows = Array.from({ length: 40 }, (_, i) => {
    const right = i % 2;
    return [(right ? 20 : -20) + (i % 7) / 10, (i % 5) / 10, right].join(',');
  });
  await text.fill(`x,y,label\n${rows.join('\n')}\n`);
  await points.getByRole('button', { name: 'Use these points' }).click();
  await expect(points.getByRole('status')).toHaveText('40 points in use, rounded to 0.01.');
  // Read back as it is in force.
  await expect(text).toHaveValue(/^-20, 0, 0\n20\.1, 0\.1, 1\n/);
  expect((await figure.state()).points).toMatch(/^-20_0_0 20\.1_0\.1_1 /);

  await figure.setting('labels').getByRole('checkbox').check();
  await expect(figure.setting('label').getByRole('option')).toHaveText([
    'all classes',
    'class 0',
    'class 1',
  ]);
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  // The window has grown so far that both clumps are in it.
  await expect
    .poll(() => new URL(page.url()).searchParams.get('points'))
    .toContain('-20_0_0 20.1_0.1_1');
  await figure.setting('label').getByRole('combobox').selectOption('1');
  const metrics = await figure.metrics(10_000);
  expect(metrics.stepsDone).toBe(400);
  expect(Number.isFinite(metrics.energyDistance)).toBe(true);

  // Whoever opens the address sees the same points.
  await expect.poll(() => new URL(page.url()).searchParams.get('label')).toBe('1');
  const again = await openFigure(page, page.url());
  expect((await again.state()).points).toMatch(/^-20_0_0 20\.1_0\.1_1 /);
  await again.openSettings();
  await expect(editor(again, 'points').getByRole('textbox')).toHaveValue(/^-20, 0, 0\n/);
});

test('text that is no points says where, and loses nothing', async ({ page, sites }) => {
  const figure = await openFigure(page, sites.plain, `${small}&data-set=points&points=1_2+3_4`);
  await figure.openSettings();
  const points = editor(figure, 'points');
  const text = points.getByRole('textbox');
  await text.fill('1, 2\n3, four\n5, 6');
  await text.press('Control+Enter');
  const alert = points.getByRole('alert');
  await expect(alert).toContainText('line 2, column 2');
  await expect(alert).toContainText('four');
  await expect(text).toHaveAttribute('aria-invalid', 'true');
  await expect(text).toHaveValue('1, 2\n3, four\n5, 6');
  expect((await figure.state()).points).toBe('1_2 3_4');
  await figure.expectPhase('flowing');

  // Too many columns are as wrong.
  await text.fill('1 2 3 4\n5 6 7 8');
  await text.press('Control+Enter');
  await expect(alert).toContainText('two columns');

  await text.fill('1, 2\n3, 4.5');
  await text.press('Control+Enter');
  await expect(alert).toHaveCount(0);
  await expect.poll(async () => (await figure.state()).points).toBe('1_2 3_4.5');

  // A file is read as text that is pasted.
  await points.locator('input[type=file]').setInputFiles({
    name: 'points.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('a;b\n-1;0\n1;0\n'),
  });
  await expect.poll(async () => (await figure.state()).points).toBe('-1_0 1_0');
  await points.getByRole('button', { name: 'Undo' }).click();
  await expect(text).toHaveValue('1, 2\n3, 4.5');
});

test('points are drawn', async ({ page, sites }) => {
  const figure = await openFigure(page, sites.plain, `${small}&data-set=points&points=0_0`);
  await figure.openSettings();
  const points = editor(figure, 'points');
  await points.getByRole('button', { name: 'Clear' }).click();
  await expect(points.getByRole('status')).toContainText('the old ones stay');
  expect((await figure.state()).points).toBe('0_0');
  const area = points.getByRole('img');
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  if (!box) throw new Error('nowhere to draw');
  const at = (x: number, y: number): [number, number] => [
    box.x + x * box.width,
    box.y + y * box.height,
  ];
  await page.mouse.move(...at(0.75, 0.25));
  await page.mouse.down();
  await page.mouse.move(...at(0.75, 0.75), { steps: 12 });
  await page.mouse.up();
  await expect(points.getByRole('status')).toContainText('points in use');
  const drawn = (await figure.state()).points.split(' ').map((row) => row.split('_').map(Number));
  expect(drawn.length).toBeGreaterThan(5);
  for (const [x, y] of drawn) {
    expect(x).toBeCloseTo(2.5, 0);
    expect(Math.abs(y ?? NaN)).toBeLessThan(3);
  }
  await expect(points.getByRole('textbox')).toHaveValue(/^2\.\d+, 2\.\d+\n/);
});

test('too many points for a link are said to be, and are in the saved settings', async ({
  page,
  sites,
}) => {
  const figure = await openFigure(page, sites.plain, `${small}&data-set=points`);
  await figure.openSettings();
  const rows = Array.from({ length: 1500 }, (_, i) => `${Math.cos(i)},${Math.sin(i)}`);
  const points = editor(figure, 'points');
  await points.getByRole('textbox').fill(rows.join('\n'));
  await points.getByRole('button', { name: 'Use these points' }).click();
  await expect(points.getByRole('status')).toContainText('1,500 points in use');
  await expect(figure.element.locator('flow-matching-share')).toContainText(
    'Too many points for a link',
  );
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    figure.button('Save settings').click(),
  ]);
  expect(download.suggestedFilename()).toBe('flowmatch.json');
});

test('a mixture is edited with the keyboard alone', async ({ page, sites }) => {
  const figure = await openFigure(
    page,
    sites.plain,
    `${small}&data-set=mixture&mixture=1_0_0_1_1_0`,
  );
  await figure.openSettings();
  const mixture = editor(figure, 'mixture');
  const first = mixture.getByRole('group', { name: 'Component 1' });
  await expect(first.getByRole('button', { name: 'Remove component 1' })).toBeDisabled();
  await mixture.getByRole('button', { name: 'Add a component' }).press('Enter');
  const second = mixture.getByRole('group', { name: 'Component 2' });
  await expect(second.getByLabel('Weight')).toBeFocused();
  await page.keyboard.type('3');
  await page.keyboard.press('Tab');
  await expect(second.getByLabel('Mean x')).toBeFocused();
  await second.getByLabel('Mean x').fill('4');
  await page.keyboard.press('Tab');
  await expect.poll(async () => (await figure.state()).mixture).toBe('1_0_0_1_1_0 3_4_0_0.5_0.5_0');

  await second.getByLabel('Correlation').fill('1');
  await page.keyboard.press('Tab');
  await expect(second.getByRole('alert')).toContainText('below 1');
  expect((await figure.state()).mixture).toBe('1_0_0_1_1_0 3_4_0_0.5_0.5_0');

  await figure.button('One step').click();
  const shares = (await figure.metrics(10_000)).modeShares;
  expect(Object.values(shares)).toHaveLength(2);

  await mixture.getByRole('button', { name: 'Remove component 1' }).press('Enter');
  await expect(mixture.getByRole('group')).toHaveCount(1);
  await expect(first.getByLabel('Weight')).toBeFocused();
  await expect(first.getByLabel('Mean x')).toHaveValue('4');
});

test('a set has its parameters, and another set its own', async ({ page, sites }) => {
  const figure = await openFigure(page, sites.plain, `${small}&data-set=rings`);
  await figure.openSettings();
  const parameters = editor(figure, 'parameters');
  await expect(parameters.getByRole('textbox')).toHaveCount(6);
  await expect(parameters.getByLabel('Circles')).toHaveValue('4');
  await parameters.getByLabel('Circles').fill('2');
  await page.keyboard.press('Tab');
  await expect.poll(async () => (await figure.state()).parameters).toBe('count_2');
  await parameters.getByLabel('Noise').fill('11');
  await page.keyboard.press('Tab');
  await expect(parameters.getByRole('alert')).toContainText('from 0 to 10');
  expect((await figure.state()).parameters).toBe('count_2');
  await choose(figure, 'checkerboard');
  await expect(parameters.getByLabel('Squares along a side')).toHaveValue('4');
  expect((await figure.state()).parameters).toBe('');
});

test('a flow starts from a source of the reader’s choice', async ({ page, sites }) => {
  const figure = await openFigure(page, sites.plain, small);
  await figure.openSettings();
  await figure.setting('source').getByRole('combobox').selectOption('eight_gaussians');
  const parameters = editor(figure, 'source-parameters');
  await expect(parameters.getByLabel('Gaussians')).toHaveValue('8');
  await parameters.getByLabel('Radius').fill('3');
  await page.keyboard.press('Tab');
  await expect.poll(async () => (await figure.state()).sourceParameters).toBe('radius_3');
  await figure.expectPhase('flowing');
  // What is known of noise alone is not offered, and given up for another source.
  const sde = figure.setting('solver').getByRole('option', { name: /SDE/ });
  await expect(sde).toHaveCount(0);
  await figure.setting('source').getByRole('combobox').selectOption('normal');
  await expect(parameters).toHaveCount(0);
  await expect(sde).toHaveCount(2);
  await figure.setting('solver').getByRole('combobox').selectOption('euler_maruyama');
  await expect.poll(async () => (await figure.state()).solver).toBe('euler_maruyama');
  await figure.setting('source').getByRole('combobox').selectOption('moons');
  await expect.poll(async () => (await figure.state()).solver).toBe('midpoint');
});

test('a run that its rule ends says so', async ({ page, sites }) => {
  const figure = await openFigure(
    page,
    sites.plain,
    `${small}&stop=loss&stop-below=1000&stop-every=20`,
  );
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  expect((await figure.run()).stepsDone).toBe(20);
  const strip = figure.element.locator('flow-matching-training');
  await expect(strip).toContainText('Stopped early, after step 20: the training loss is ');
  await expect(figure.button('Trained')).toBeDisabled();
  await figure.button('Reset').click();
  await expect(strip).not.toContainText('Stopped early');
  await expect(figure.button('Train')).toBeEnabled();

  // A rule that could never stop it is refused beside its name.
  await figure.openSettings();
  await figure.enter('stop-patience', '0');
  await figure.enter('stop-below', '0');
  await expect(figure.setting('stop').getByRole('alert')).toContainText(
    'neither below nor patience',
  );
  expect((await figure.state()).stopBelow).toBe(1000);
});

for (const theme of ['light', 'dark'] as const) {
  for (const dataSet of ['points', 'mixture', 'spiral']) {
    test(`the editor of ${dataSet} is for everybody, ${theme}`, async ({ page, sites }) => {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width: 360, height: 800 });
      const figure = await openFigure(
        page,
        sites.plain,
        `?tier=simd&data-set=${dataSet}&playing=off`,
      );
      await figure.openSettings();
      const name = dataSet === 'spiral' ? 'parameters' : dataSet;
      await expect(editor(figure, name).getByRole('textbox').first()).toBeVisible();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(360);
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    });
  }
}
