// The engine in a real browser: its builds, the policies it lives under, and what happens when it fails.
import type * as Flowmatch from '../../web/src/flowmatch';
import { Figure, openFigure } from './figure';
import { expect, test } from './sites';

test.describe('builds', () => {
  test('with isolation there are threads, under a strict policy', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.isolated, '?steps=500');
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await expect(figure.element).toContainText(/[2-9] threads/);
    await figure.button('Train').click();
    await figure.expectPhase('done', 40_000);
    expect((await figure.run()).stepsDone).toBe(500);
  });

  test('without isolation there is one thread', async ({ page, sites }) => {
    const figure = await openFigure(page, sites.plain);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect(figure.element).toContainText('1 thread');
  });

  for (const tier of ['simd', 'simd-threads', 'relaxed', 'relaxed-threads']) {
    test(`${tier} can be asked for`, async ({ page, sites }) => {
      const figure = await openFigure(page, sites.isolated, `?tier=${tier}&steps=200&train=on`);
      await figure.expectPhase('done');
      expect((await figure.run()).stepsDone).toBe(200);
      const fetched = await page.evaluate(() =>
        performance.getEntriesByType('resource').map(({ name }) => name),
      );
      expect(fetched.filter((name) => name.endsWith('.wasm'))).toEqual([
        expect.stringContaining(`/${tier}/flowmatch-basic.wasm`),
      ]);
    });
  }

  test('with and without threads train the same model', async ({ page, sites }) => {
    const losses = [];
    for (const tier of ['simd', 'simd-threads']) {
      const figure = await openFigure(page, sites.isolated, `?tier=${tier}&steps=300&train=on`);
      await figure.expectPhase('done');
      losses.push(await figure.lastLoss());
    }
    expect(losses[0]).toBe(losses[1]);
  });

  test('that cannot run here are refused with the reason', async ({ page, sites }) => {
    await page.goto(`${sites.plain}?tier=simd-threads`);
    const figure = new Figure(page);
    await figure.expectPhase('error');
    await expect(figure.alert).toContainText('cross-origin isolated');
  });
});

test('a script of another page uses the engine without a figure', async ({ page, sites }) => {
  await page.goto(sites.nothing);
  const trained = await page.evaluate(async (script) => {
    // The page's own types do not reach into what is evaluated there.
    const { Engine, presets, experimentConfigOf } = (await import(script)) as typeof Flowmatch;
    const config = experimentConfigOf({ ...presets.quick, steps: 50 });
    const experiment = await Engine.shared().createExperiment(config);
    return await experiment.train(50);
  }, `${sites.plain}flowmatch.js`);
  expect(trained).toEqual({ stepsDone: 50, reason: 'finished' });
});

test('likelihoods: the exact field’s is the known density, and the learned one integrates to 1', async ({
  page,
  sites,
}) => {
  test.slow();
  await page.goto(sites.nothing);
  const found = await page.evaluate(async (script) => {
    const { Engine, presets, experimentConfigOf } = (await import(script)) as typeof Flowmatch;
    const config = experimentConfigOf({ ...presets.quick, steps: 1500 });
    const experiment = await Engine.shared().createExperiment(config);
    const settings = { solver: 'rk4', steps: 25, tolerance: 1e-5, probes: 0, seed: 0 } as const;
    const exact = { ...settings, field: 'exact' } as const;
    const learned = { ...settings, field: 'learned' } as const;

    const grid = { xMin: -12, xMax: 12, yMin: -12, yMax: 12, columns: 9, rows: 8 };
    const known = await experiment.logDensity([1], grid);
    const ofGrid = await experiment.density(exact, grid);
    // The first two points of it, by themselves.
    const ofPoints = await experiment.likelihood(exact, Float32Array.of(-12, -12, -9, -12));
    const ofData = await experiment.dataLikelihood(exact, 500, 3);

    await experiment.train(1500);
    const window = { xMin: -15, xMax: 15, yMin: -15, yMax: 15, columns: 41, rows: 41 };
    const density = await experiment.density(learned, window);
    const data = await experiment.dataLikelihood(learned, 500, 3);
    const refusal = await experiment
      .density({ ...learned, steps: 0 }, window)
      .catch((thrown: unknown) => (thrown as { problems: { field: string }[] }).problems);
    experiment.dispose();
    return {
      // Where there is any density: the peaks are 0.0145 high.
      worst: Math.max(
        ...known.map((value, i) =>
          Math.abs(Math.exp(value) - Math.exp(ofGrid.logDensity[i] ?? NaN)),
        ),
      ),
      highest: Math.exp(Math.max(...known)),
      sameByPoints: [...ofPoints.logDensity].map(
        (value, i) => value - (ofGrid.logDensity[i] ?? NaN),
      ),
      ofData,
      density: { ...density, logDensity: density.logDensity.length },
      data,
      refusal,
    };
  }, `${sites.plain}flowmatch.js`);
  expect(found.worst).toBeLessThan(1e-4);
  expect(found.highest).toBeGreaterThan(0.005);
  expect(found.sameByPoints).toEqual([0, 0]);
  expect(Math.abs(found.ofData.divergence ?? NaN)).toBeLessThan(0.002);
  // Of eleven Gaussians hardly one is near another: log 11 + log 2 pi e, and a little less.
  expect(found.ofData.entropy).toBeCloseTo(Math.log(11) + Math.log(2 * Math.PI * Math.E), 1);
  expect(found.density).toMatchObject({ stepsDone: 1500, logDensity: 41 * 41 });
  expect(Math.abs(found.density.integral - 1)).toBeLessThan(0.01);
  expect(found.data.divergence).toBeGreaterThan(0);
  expect(found.data.divergence).toBeLessThan(0.5);
  expect(found.data).toMatchObject({ stepsDone: 1500, count: 500, functionEvaluations: 100 });
  expect(found.refusal).toMatchObject([{ field: 'likelihood.steps' }]);
});

test('a cloud that would take minutes is given up for another', async ({ page, sites }) => {
  // Forty million million operations for the learned field; the exact one is soon done.
  const query = '?hidden-layers=1000-1000&particles=100000&solver=rk4&solver-steps=50';
  const figure = await openFigure(page, sites.plain, query);
  await expect(figure.element.getByRole('img', { name: /^100,000 particles/ })).toBeVisible();
  await figure.openSettings();
  await figure.enter('particles', '50');
  await expect(
    figure.element.getByRole('img', { name: /^The same noise, 50 particles/ }),
  ).toBeVisible();
  // Nothing of the old cloud is left to be waited for.
  await figure.button('Train').click();
  await figure.expectPhase('training');
  await figure.button('Pause').click();
  await figure.expectPhase('paused');
});

test.describe('failures', () => {
  test('a killed worker is reported; a restart loses no setting', async ({
    page,
    sites,
    complaints,
  }) => {
    const figure = await openFigure(page, sites.plain, '?seed=11&particles=700');
    await figure.button('Train').click();
    await figure.expectPhase('training');
    const [worker] = page.workers();
    await worker?.evaluate(() => {
      setTimeout(() => {
        throw new Error('killed by the test');
      }, 0);
    });
    await figure.expectPhase('error');
    await expect(figure.alert).toContainText('killed by the test');
    expect(page.workers()).toHaveLength(0);
    // Whether a worker's error is on the console of the page is the browser's choice.
    complaints.length = 0;

    await figure.button('Restart the engine').click();
    await figure.expectPhase('flowing');
    await expect(figure.alert).toHaveCount(0);
    expect(await figure.state()).toMatchObject({ seed: 11, particles: 700 });
    await figure.button('Train').click();
    await figure.expectPhase('training');
    expect(page.workers()).toHaveLength(1);
  });

  for (const file of ['flowmatch-basic.wasm', 'flowmatch-basic.mjs']) {
    test(`${file} that cannot be fetched is reported, and can be tried again`, async ({
      page,
      sites,
      complaints,
    }) => {
      await page.context().route(`**/${file}`, (route) => route.abort());
      await page.goto(sites.plain);
      const figure = new Figure(page);
      await figure.expectPhase('error');
      await expect(figure.alert).toContainText('The engine could not be');
      complaints.length = 0;
      await page.context().unroute(`**/${file}`);
      await figure.button('Try again').click();
      await figure.expectPhase('flowing');
    });
  }
});

test.describe('what the small module leaves out', () => {
  test('comes in the middle of training, which goes on as if it had been there', async ({
    page,
    sites,
  }) => {
    await page.goto(sites.nothing);
    const losses = await page.evaluate(async (script) => {
      const { Engine, presets, experimentConfigOf, samplerConfigOf } = (await import(
        script
      )) as typeof Flowmatch;
      const state = { ...presets.quick, steps: 300 };
      const sampler = samplerConfigOf({ ...state, particles: 50, solver: 'dopri5' }, 'learned');
      const all: number[][] = [];
      for (const interrupted of [false, true]) {
        const engine = new Engine();
        const experiment = await engine.createExperiment(experimentConfigOf(state));
        const seen: number[] = [];
        const training = experiment.train(300, {
          onProgress: (progress) => seen.push(...progress.losses),
        });
        if (interrupted) await experiment.flow(sampler, 10);
        await training;
        experiment.dispose();
        all.push(seen);
      }
      return all;
    }, `${sites.plain}flowmatch.js`);
    expect(losses[0]).toHaveLength(300);
    expect(losses[1]).toEqual(losses[0]);
    const fetched = await page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name }) => name),
    );
    expect(fetched.some((name) => name.endsWith('/flowmatch-basic.wasm'))).toBe(true);
  });

  test('is refused where it cannot be fetched, and nothing is lost', async ({
    page,
    sites,
    complaints,
  }) => {
    const figure = await openFigure(page, sites.plain, '?steps=200&train=on');
    await figure.expectPhase('done');
    await page.context().route('**/flowmatch.wasm', (route) => route.abort());
    const chooseTransport = async () => {
      await figure.setting('coupling').getByRole('combobox').selectOption('ot');
      await figure.button('Restart training').click();
    };
    await figure.openSettings();
    await chooseTransport();
    await expect(figure.alert).toContainText('a part of the engine that is not here yet');
    // Whether a worker’s error is on the console of the page is the browser’s choice.
    complaints.length = 0;
    expect((await figure.run()).stepsDone).toBe(200);
    expect(await figure.state()).toMatchObject({ coupling: 'independent' });
    await page.context().unroute('**/flowmatch.wasm');
    await chooseTransport();
    await expect.poll(async () => (await figure.state()).coupling).toBe('ot');
    await expect.poll(async () => (await figure.run()).stepsDone).toBe(200);
  });
});

test("the engine's memory for the blog's example is at most 64 MB", async ({ page, sites }) => {
  test.slow();
  await page.goto(sites.isolated);
  const { threads, megabytes } = await page.evaluate(async (script) => {
    const { Engine, presets, experimentConfigOf, samplerConfigOf } = (await import(
      script
    )) as typeof Flowmatch;
    const config = experimentConfigOf(presets.blog);
    const sampler = samplerConfigOf(presets.blog, 'learned');
    const grid = { xMin: -15, xMax: 15, yMin: -15, yMax: 15, columns: 72, rows: 72 };
    // An engine of its own: the figure of the page has another.
    const experiment = await new Engine().createExperiment(config);
    await experiment.train(50);
    await experiment.flow(sampler, 100, { arrows: { ...grid, columns: 15, rows: 15 } });
    await experiment.logDensity(
      Array.from({ length: 41 }, (_, index) => index / 40),
      grid,
    );
    await experiment.irreducibleLoss();
    await experiment.difference(0.5, grid);
    // Fewer steps take less time, but no less memory.
    await experiment.metrics({ ...sampler, steps: 20 }, 10_000);
    await experiment.train(10);
    // Memory only grows: as it is when the experiment is made again, it has been at the most.
    const { memoryBytes, tier } = await experiment.recreate(config);
    experiment.dispose();
    return { threads: tier.threads, megabytes: memoryBytes / 2 ** 20 };
  }, `${sites.isolated}flowmatch.js`);
  expect(threads).toBeGreaterThan(1);
  expect(megabytes).toBeGreaterThan(1);
  expect(megabytes).toBeLessThanOrEqual(64);
});

test('memory does not grow with every start over', async ({ page, sites }) => {
  test.slow();
  const figure = await openFigure(page, sites.isolated, '?tier=simd&steps=20&particles=5000');
  const startOver = async () => {
    await figure.button('Train').click();
    await figure.expectPhase('done');
    await figure.button('Reset').click();
    await expect(figure.button('Train')).toBeEnabled();
  };
  const bytes = () =>
    page.evaluate(async () => {
      const browser = performance as unknown as {
        measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
      };
      return (await browser.measureUserAgentSpecificMemory()).bytes;
    });
  for (let i = 0; i < 3; i++) await startOver();
  const before = await bytes();
  for (let i = 0; i < 10; i++) await startOver();
  const after = await bytes();
  expect(after).toBeLessThan(200e6);
  expect(after - before).toBeLessThan(30e6);
});
