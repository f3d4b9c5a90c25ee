// The page as a reader meets it.
import { AxeBuilder } from '@axe-core/playwright';
import { expectGood, openFigure } from './figure';
import { expect, test } from './sites';

test.describe('opening', () => {
  test('moves particles without a click', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    const before = await figure.picture();
    await expect.poll(() => figure.picture()).not.toBe(before);
    await figure.expectPhase('flowing');
  });

  test('says in words what it shows', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?t=0.5&playing=off');
    const summary = figure.element.locator('[aria-live="polite"]');
    await expect(summary).toContainText('t = 0.50');
    await expect(summary).toContainText('2,000 particles');
  });

  test('does not move where the reader wants no motion', async ({ page, sites }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const figure = await openFigure(page, sites.plain);
    expect((await figure.state()).playing).toBe(false);
    await expect(figure.button('Play the flow')).toBeVisible();
    const t = await figure.t();
    await page.waitForTimeout(300);
    expect(await figure.t()).toBe(t);
  });
});

test.describe('training', () => {
  test('by the quick preset is good, on one thread', async ({ page, sites }) => {
    test.slow();
    const figure = await openFigure(page, sites.plain, '?tier=simd');
    await figure.button('Train').click();
    await figure.expectPhase('done', 100_000);
    const { stepsDone, stepsTotal } = await figure.run();
    expect(stepsDone).toBe(stepsTotal);
    const metrics = await figure.metrics(10_000);
    expect(metrics.stepsDone).toBe(stepsTotal);
    expectGood(metrics);
    expect(metrics.withinThree).toBeGreaterThan(0.97);
    await expect(figure.element.getByRole('img', { name: /learned/i }).first()).toBeVisible();
  });

  test('pauses, resumes, goes one step, and starts over', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    await figure.button('Train').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(0);
    await figure.button('Pause').click();
    await figure.expectPhase('paused');
    const { stepsDone } = await figure.run();
    await figure.button('One step').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBe(stepsDone + 1);
    await figure.expectPhase('paused');
    await figure.button('Resume').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(stepsDone + 10);
    await figure.button('Pause').click();
    await figure.expectPhase('paused');
    await figure.button('Reset').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBe(0);
    await expect(figure.button('Train')).toBeEnabled();
  });

  test('stops when it diverges, and says what to do', async ({ page, sites }) => {
    const query =
      '?learning-rate=1&learning-rate-decay=constant&activation=relu&hidden-layers=512-512-512&batch-size=8&radius=100';
    const figure = await openFigure(page, sites.plain, query);
    await figure.button('Train').click();
    await page.waitForTimeout(2000);
    // Whether it comes to that or not, the figure stays usable.
    await figure.button('Reset').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBe(0);
  });
});

test('the view of the likelihood says what each density integrates to, and the table how far it is off', async ({
  page,
  sites,
}) => {
  test.slow();
  const figure = await openFigure(page, sites.plain, '?tier=simd&view=likelihood&steps=800');
  const learned = figure.element.getByRole('figure').nth(1);
  await expect(learned).toContainText('Learned density, untrained');
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  await expect(learned).toContainText('step 800', { timeout: 60_000 });
  await expect(learned).toContainText(/integrates to (0\.99|1\.00)/);
  await expect(figure.element.getByRole('figure').first()).toContainText('integrates to 1.000');
  const row = (name: string) => figure.element.getByRole('row', { name });
  // Log 11 and the entropy of a Gaussian, less what neighbours overlap.
  await expect(row('NLL, nats')).toContainText('5.22');
  await expect(row('KL, nats')).toContainText(/0\.\d{3}/);
});

test.describe('a link', () => {
  test('reproduces the run that it was made from', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?seed=7&noise-seed=3&show-arrows=on');
    await figure.button('Train').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(100);
    await figure.button('Pause').click();
    await figure.expectPhase('paused');
    const { stepsDone } = await figure.run();
    const metrics = await figure.metrics(10_000);
    const loss = await figure.lastLoss();
    await expect.poll(() => page.url()).toContain(`train-until=${String(stepsDone)}`);

    await page.reload();
    await figure.firstFrame();
    await figure.expectPhase('paused', 30_000);
    expect((await figure.run()).stepsDone).toBe(stepsDone);
    expect(await figure.state()).toMatchObject({ seed: 7, noiseSeed: 3, showArrows: true });
    expect(await figure.lastLoss()).toBe(loss);
    const again = await figure.metrics(10_000);
    expect({ ...again, seconds: 0 }).toEqual({ ...metrics, seconds: 0 });
  });

  test('carries the view', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?playing=off&t=0.25&view=difference');
    await expect(figure.element.getByRole('radio', { name: 'Difference' })).toBeChecked();
    expect(await figure.t()).toBeCloseTo(0.25);
    await figure.element.getByRole('radio', { name: 'Exact' }).check();
    await expect.poll(() => page.url()).toContain('view=exact');
    await page.reload();
    await figure.firstFrame();
    await expect(figure.element.getByRole('radio', { name: 'Exact' })).toBeChecked();
  });

  test('with mistakes is told so, and the rest of it is taken', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?v=1&steps=0&sede=4&particles=500');
    await expect(figure.alert).toContainText('Training steps: must be a whole number from 1');
    await expect(figure.alert).toContainText('sede');
    expect(await figure.state()).toMatchObject({ steps: 5000, particles: 500 });
    await figure.button('Dismiss').click();
    await expect(figure.alert).toHaveCount(0);
  });

  test('of a newer version is refused', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?v=99&particles=500');
    await expect(figure.alert).toContainText('newer version');
    expect((await figure.state()).particles).toBe(2000);
  });

  test('that asks for too much falls back, and says so', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain, '?hidden-layers=4096-4096&batch-size=512');
    await expect(figure.alert).toContainText('Hidden layers');
    expect((await figure.state()).hidden).toEqual([64, 64, 64]);
    await figure.button('Train').click();
    await figure.expectPhase('training');
  });
});

test.describe('a setting', () => {
  test('out of range is refused beside its control', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    await figure.openSettings();
    await figure.enter('batch-size', '0');
    const field = figure.setting('batch-size');
    await expect(field.getByRole('alert')).toContainText('a whole number from 1 to 65,536');
    await expect(field.getByRole('textbox')).toHaveAttribute('aria-invalid', 'true');
    expect((await figure.state()).batchSize).toBe(256);
    await figure.enter('batch-size', '128');
    await expect(field.getByRole('alert')).toHaveCount(0);
    await expect.poll(async () => (await figure.state()).batchSize).toBe(128);
  });

  for (const text of ['', 'many', '1e9', '-5', '1.5', 'NaN', 'Infinity']) {
    test(`of ${JSON.stringify(text)} steps is refused`, async ({ page, sites }) => {
      const figure = await openFigure(page, sites.plain);
      await figure.openSettings();
      await figure.enter('steps', text);
      await expect(figure.setting('steps').getByRole('alert')).toContainText('1,000,000');
      expect((await figure.state()).steps).toBe(5000);
    });
  }

  test('that only the engine can refuse is refused there as well', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    await figure.openSettings();
    await figure.enter('hidden-layers', '4096-4096');
    await expect(figure.setting('hidden-layers').getByRole('alert')).toContainText('parameters');
    expect((await figure.state()).hidden).toEqual([64, 64, 64]);
    await figure.button('Train').click();
    await figure.expectPhase('training');
  });

  test('does not throw a trained model away by itself', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    await figure.button('Train').click();
    await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(20);
    await figure.button('Pause').click();
    await figure.expectPhase('paused');
    const { stepsDone } = await figure.run();
    await figure.openSettings();
    await figure.enter('learning-rate', '0.01');
    await expect(figure.button('Restart training')).toBeVisible();
    expect((await figure.run()).stepsDone).toBe(stepsDone);
    await figure.button('Restart training').click();
    await figure.expectPhase('training');
    expect((await figure.state()).learningRate).toBe(0.01);
  });
});

test.describe('without a mouse', () => {
  test('everything can be reached and used', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    await figure.slider.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => (await figure.state()).playing).toBe(false);
    const t = await figure.t();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => figure.t()).toBeCloseTo(t + 0.01, 2);

    // From the slider, Tab leads through all the rest of the controls to the settings.
    const reached = new Set<string>();
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate(() => {
          let active = document.activeElement;
          while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
          return `${active?.ariaLabel ?? ''} ${active?.textContent ?? ''} ${active?.parentElement?.textContent ?? ''}`;
        }),
      );
    }
    const all = [...reached].join('\n');
    for (const name of ['Loop', 'Side by side', 'Particles', 'Density', 'Train', 'Settings']) {
      expect(all).toContain(name);
    }

    await figure.button('Train').focus();
    await page.keyboard.press('Space');
    await figure.expectPhase('training');
    await page.keyboard.press('Space');
    await figure.expectPhase('paused');
  });
});

test.describe('for everybody', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`no accessibility problem is found, ${colorScheme}`, async ({ page, sites }) => {
      await page.emulateMedia({ colorScheme });
      const figure = await openFigure(page, sites.plain, '?playing=off&t=0.5&steps=50&train=on');
      await figure.expectPhase('done');
      await figure.metrics(10_000);
      await figure.openSettings();
      await figure.enter('batch-size', '0');
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations).toEqual([]);
    });
  }

  for (const width of [360, 768, 2560]) {
    test(`nothing sticks out at ${String(width)} px`, async ({ page, sites }) => {
      await page.setViewportSize({ width, height: 900 });
      const figure = await openFigure(page, sites.plain);
      await figure.openSettings();
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    });
  }
});

test('out of sight it stops drawing, and training goes on or stops as chosen', async ({
  page,
  sites,
}) => {
  await page.setViewportSize({ width: 1000, height: 300 });
  for (const background of ['continue', 'stop']) {
    const query = `?steps=100000&train=on&background=${background}`;
    const figure = await openFigure(page, sites.plain, query);
    await figure.element.evaluate((element) => {
      element.style.marginTop = '3000px';
      scrollTo(0, 3000);
    });
    await figure.expectPhase('training');
    await page.evaluate(() => {
      scrollTo(0, 0);
    });
    await expect(figure.element).toHaveAttribute('data-drawing', 'stopped');
    await figure.expectPhase(background === 'continue' ? 'training' : 'paused');
    const before = await figure.picture();
    await page.waitForTimeout(300);
    expect(await figure.picture()).toBe(before);
    await page.evaluate(() => {
      scrollTo(0, 3000);
    });
    await expect(figure.element).toHaveAttribute('data-drawing', 'on');
    await figure.expectPhase('training');
  }
});
