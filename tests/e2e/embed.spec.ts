// The figure in somebody else's post: on another origin, which sends no special headers.
import { Figure } from './figure';
import { expect, test } from './sites';

test.describe('one line in a post', () => {
  test('is enough: the figures move, train, and share one engine', async ({ page, sites }) => {
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

    for (const figure of [blog, quick]) {
      await figure.element.scrollIntoViewIfNeeded();
      await figure.button('Train').click();
    }
    // Both at once, in turns.
    for (const figure of [blog, quick]) {
      await expect.poll(async () => (await figure.run()).stepsDone).toBeGreaterThan(10);
    }
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
