// The figure in somebody else's post: on another origin, which sends no special headers.
import { expectGood, Figure } from './figure';
import { expect, test } from './sites';

test.describe('one line in a post', () => {
  test('is enough: the figures move, train, and share one engine', async ({ page, sites }) => {
    test.slow();
    expect(new URL(sites.blog).origin).not.toBe(new URL(sites.plain).origin);
    const builds = new Set<string>();
    page.on('request', (request) => {
      if (request.url().endsWith('.wasm')) builds.add(request.url());
    });
    await page.goto(sites.blog);
    const quick = new Figure(page, 0);
    const blog = new Figure(page, 1);
    await quick.firstFrame();
    await blog.element.scrollIntoViewIfNeeded();
    await blog.firstFrame();
    expect(await blog.state()).toMatchObject({ schedule: 'sqrt', hidden: [1024, 16] });
    expect(page.workers()).toHaveLength(1);
    expect(builds.size).toBe(1);

    await blog.button('Train').click();
    await blog.expectPhase('training');
    await quick.element.scrollIntoViewIfNeeded();
    await quick.button('Train').click();
    await expect.poll(async () => (await quick.run()).stepsDone).toBeGreaterThan(10);
    await expect.poll(async () => (await blog.run()).stepsDone).toBeGreaterThan(10);
    await blog.element.scrollIntoViewIfNeeded();
    await blog.button('Pause').click();
    await blog.expectPhase('paused');
    await quick.element.scrollIntoViewIfNeeded();
    await quick.expectPhase('done', 100_000);
    expectGood(await quick.metrics(10_000));
  });

  test('leaves the post alone, and the post leaves it alone', async ({ page, sites }) => {
    await page.goto(sites.blog);
    const figure = new Figure(page);
    await figure.firstFrame();
    const address = page.url();
    const background = await figure
      .button('Train')
      .evaluate((button) => getComputedStyle(button).backgroundColor);
    expect(background).not.toBe('rgb(220, 20, 60)');
    await figure.button('Loop').click();
    await page.waitForTimeout(700);
    expect(page.url()).toBe(address);
    const globals = await page.evaluate(() => ({
      sheets: document.styleSheets.length,
      adopted: document.adoptedStyleSheets.length,
    }));
    expect(globals).toEqual({ sheets: 1, adopted: 0 });
  });

  test('costs nothing once the figures are gone', async ({ page, sites }) => {
    await page.goto(sites.blog);
    await new Figure(page).firstFrame();
    await page.evaluate(() => {
      for (const element of document.querySelectorAll('flow-matching')) element.remove();
    });
    await expect.poll(() => page.workers().length).toBe(0);
  });
});

test('a frame is enough where scripts are stripped', async ({ page, sites }) => {
  await page.goto(`${sites.blog}iframe.html`);
  const figure = new Figure(page.frameLocator('iframe'));
  await figure.firstFrame();
  expect((await figure.state()).seed).toBe(7);
  await figure.button('Train').click();
  await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(10);
});
