// A run in a file: saved on one page, it goes on in another as if it had never stopped; and what is no run is refused.
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { openFigure, type Figure } from './figure';
import { expect, test } from './sites';

const small =
  '?tier=simd&components=3&radius=4&hidden-layers=16-16&learning-rate=0.01&batch-size=64';
const half = `${small}&steps=400&particles=500&train=on&train-until=200`;

const control = (figure: Figure): Locator => figure.element.locator('flow-matching-open');

async function save(page: Page, figure: Figure): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    figure.button('Save the run').click(),
  ]);
  expect(download.suggestedFilename()).toBe('flowmatch.safetensors');
  await expect(control(figure).getByRole('status')).toContainText('Saved flowmatch.safetensors');
  return readFileSync(await download.path());
}

/** By any name: what it is, its content says. */
async function open(figure: Figure, buffer: Buffer, name = 'mine.bin'): Promise<void> {
  const file = { name, mimeType: 'application/octet-stream', buffer };
  await control(figure).locator('input[type=file]').setInputFiles(file);
}

/** What the figure says of the model that there is. */
async function readouts(figure: Figure): Promise<object> {
  const { stepsDone } = await figure.run();
  await expect.poll(async () => (await figure.metrics(10_000)).stepsDone).toBe(stepsDone);
  const { energyDistance, slicedW2, withinThree } = await figure.metrics(10_000);
  return { stepsDone, energyDistance, slicedW2, withinThree };
}

test('a run is saved, opened in a fresh page, and goes on to the same end', async ({
  page,
  context,
  sites,
}) => {
  test.slow();
  const first = await openFigure(page, sites.plain, half);
  await first.openSettings();
  await first.expectPhase('paused', 60_000);
  const before = await readouts(first);
  const file = await save(page, first);
  await first.button('Resume').click();
  await first.expectPhase('done', 60_000);
  const end = await readouts(first);

  const fresh = await context.newPage();
  const second = await openFigure(fresh, sites.plain, '?tier=simd&show-density=off');
  await second.openSettings();
  await open(second, file);
  await expect(control(second).getByRole('status')).toHaveText(
    'Opened mine.bin, a run after step 200. A link would train it anew: send the file.',
  );
  await second.expectPhase('paused');
  // Its settings are in force, none waits, and the reader's own view has stayed.
  expect(await second.state()).toMatchObject({
    components: 3,
    hidden: [16, 16],
    steps: 400,
    showDensity: false,
  });
  await expect(second.button('Restart training')).toHaveCount(0);
  await expect(second.setting('batch-size').getByRole('textbox')).toHaveValue('64');
  await expect(
    second.element.getByRole('heading', { name: 'Learned field, step 200' }),
  ).toBeVisible();
  expect(await readouts(second)).toEqual(before);
  await second.button('Resume').click();
  await second.expectPhase('done', 60_000);
  expect(await readouts(second)).toEqual(end);
  expect(await second.lastLoss()).toBe(await first.lastLoss());
});

test('a run of a rule, of classes and of features of the time goes through the file', async ({
  page,
  sites,
}) => {
  test.slow();
  const query = `${half}&data-set=moons&labels=on&time-features=fourier&stop=loss&stop-below=0.0001&stop-every=50`;
  const figure = await openFigure(page, sites.plain, query);
  await figure.openSettings();
  await figure.expectPhase('paused', 60_000);
  const before = await readouts(figure);
  const file = await save(page, figure);
  await figure.button('Resume').click();
  await figure.expectPhase('done', 60_000);
  // In the place of the run that there is.
  await open(figure, file);
  await figure.expectPhase('paused');
  expect(await readouts(figure)).toEqual(before);
});

test('what is no run is refused with its reason, and nothing is lost', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, half.replace('&train=on', ''));
  await figure.openSettings();
  const alert = control(figure).getByRole('alert');
  await figure.button('Save the run').click();
  await expect(alert).toContainText('train the model first');
  await figure.button('Train').click();
  await figure.expectPhase('paused', 60_000);
  const before = await readouts(figure);
  const file = await save(page, figure);
  await expect(alert).toHaveCount(0);

  const changed = (from: string, to: string) =>
    Buffer.from(file.toString('latin1').replace(from, to), 'latin1');
  const broken: [Buffer, string][] = [
    [file.subarray(0, 5), 'truncated'],
    [file.subarray(0, file.length - 4), 'truncated'],
    [Buffer.concat([file, Buffer.from([0])]), 'file'],
    [changed('"formatVersion":"1"', '"formatVersion":"9"'), 'newer version'],
    [changed('"F32"', '"F16"'), 'as many numbers'],
    [changed('[16,3]', '[12,4]'), 'layers.0.weight: must be F32 [16,3]'],
    [changed('\\"seed\\": 1', '\\"seed\\":-1'), 'Seed of the training: must be'],
    [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 'header'],
    [Buffer.from('{"steps": '), 'JSON'],
  ];
  for (const [content, problem] of broken) {
    await open(figure, content);
    await expect(alert).toContainText(problem);
    await expect(control(figure).getByRole('status')).toHaveText('');
  }
  expect(await readouts(figure)).toEqual(before);
  await expect(figure.button('Restart training')).toHaveCount(0);

  // Settings still come in by the same way.
  await open(figure, Buffer.from('{"preset": "quick", "steps": 300}'), 'mine.safetensors');
  await expect(control(figure).getByRole('status')).toHaveText('Opened mine.safetensors.');
  await expect(alert).toHaveCount(0);
  await expect(figure.button('Restart training')).toBeVisible();
});

test('a straighter run is not saved, and says why', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, `${small}&steps=60&train=on`);
  await figure.openSettings();
  await figure.expectPhase('done', 60_000);
  const file = await save(page, figure);
  await figure.button('One-step student').click();
  await expect(figure.element.getByRole('heading', { name: /^One-step student/ })).toBeVisible({
    timeout: 60_000,
  });
  await figure.button('Save the run').click();
  await expect(control(figure).getByRole('alert')).toContainText('pairs of the run before');
  await open(figure, file);
  await expect(
    figure.element.getByRole('heading', { name: 'Learned field, step 60' }),
  ).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`opening and saving are for everybody, ${colorScheme}`, async ({ page, sites }) => {
    test.slow();
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 800 });
    const figure = await openFigure(page, sites.plain, `${small}&steps=60&train=on`);
    await figure.openSettings();
    await figure.expectPhase('done', 60_000);
    // By the keyboard alone.
    await figure.button('Save the run').focus();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.keyboard.press('Enter'),
    ]);
    await expect(control(figure).getByRole('status')).toContainText('the run after step 60');
    const buffer = readFileSync(await download.path());
    // The browser has to know that its chooser is waited for before the key comes.
    const choosing = page.waitForEvent('filechooser');
    await figure.button('Open settings or a run…').focus();
    await page.keyboard.press('Enter');
    const chooser = await choosing;
    const mimeType = 'application/octet-stream';
    await chooser.setFiles({ name: 'cut.safetensors', mimeType, buffer: buffer.subarray(0, 99) });
    await expect(control(figure).getByRole('alert')).toContainText('truncated');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(360);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });
}
