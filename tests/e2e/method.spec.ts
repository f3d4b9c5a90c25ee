// What flow matching replaced, in a real browser: chosen in the settings, trained by maximum likelihood, shown and
// measured by the same figure, and straightened by flow matching.
import { openFigure } from './figure';
import { expect, test } from './sites';

const small = '?tier=simd&components=3&radius=2&standard-deviation=0.5&learning-rate=0.01';

test('another method is chosen, trained and measured, and is in the link', async ({
  page,
  sites,
}) => {
  test.slow();
  const query = `${small}&hidden-layers=16-16&batch-size=128&steps=150&prediction=x1`;
  const figure = await openFigure(page, sites.plain, query);
  await figure.openSettings();
  const method = figure.setting('method').getByRole('combobox');
  await expect(figure.setting('prediction')).toBeVisible();
  await method.selectOption('cnf');
  // What only flow matching knows is not asked for.
  await expect(figure.setting('prediction')).toHaveCount(0);
  await expect(figure.setting('sampling-schedule')).toHaveCount(0);
  await expect(figure.setting('cnf-steps')).toBeVisible();
  await figure.enter('cnf-steps', '0');
  await expect(figure.setting('cnf-steps')).toContainText('from 1 to 1,000');
  await figure.enter('cnf-steps', '4');
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  const cnf = await figure.metrics(10_000);
  expect(cnf.stepsDone).toBe(150);
  expect(cnf.energyDistance).toBeLessThan(0.2);
  await expect(figure.element.getByRole('heading', { name: 'CNF, step 150' })).toBeVisible();
  await expect(
    figure.element.getByRole('heading', { name: 'Negative log-likelihood' }),
  ).toBeVisible();
  // The entropy of the three Gaussians, near which the loss has come.
  expect(await figure.lastLoss()).toBeLessThan(4);
  await expect.poll(() => new URL(page.url()).searchParams.get('method')).toBe('cnf');
  expect(new URL(page.url()).searchParams.get('cnf-steps')).toBe('4');

  // An SDE has no score to go by: it is not offered, and a link that has one is told so.
  const solvers = figure.setting('solver').getByRole('option');
  await expect(solvers).toHaveCount(5);
  await expect(solvers.getByText('SDE')).toHaveCount(0);

  await method.selectOption('normalizing_flow');
  await expect(figure.setting('coupling-layers')).toBeVisible();
  await figure.button('Restart training').click();
  await expect(
    figure.element.getByRole('heading', { name: 'Normalizing flow, step 150' }),
  ).toBeVisible({ timeout: 60_000 });
  const flow = await figure.metrics(10_000);
  expect(flow.energyDistance).toBeLessThan(0.2);
});

test('the density of a normalizing flow integrates to one, and its pairs are straightened', async ({
  page,
  sites,
}) => {
  test.slow();
  const query = `${small}&method=normalizing_flow&hidden-layers=16-16&steps=300&view=likelihood`;
  const figure = await openFigure(page, sites.plain, `${query}&probes=2`);
  await figure.button('Train').click();
  await figure.expectPhase('done', 60_000);
  await expect(figure.element.getByText('integrates to 1.00')).toHaveCount(2, { timeout: 30_000 });
  await figure.button('One-step student').click();
  await expect(figure.element.getByText('one-step student', { exact: true })).toBeVisible({
    timeout: 60_000,
  });
  // It learns by flow matching.
  await expect(figure.element.getByRole('heading', { name: 'Loss', exact: true })).toBeVisible();
  await figure.expectPhase('done', 60_000);
  await figure.button('Back to the first run').click();
  await figure.expectPhase('done');
  await expect(
    figure.element.getByRole('heading', { name: 'Negative log-likelihood' }),
  ).toBeVisible();
});

test('a link with an SDE that has no score to go by is mended, and says so', async ({
  page,
  sites,
}) => {
  const query = `${small}&method=normalizing_flow&hidden-layers=16-16&solver=euler_maruyama`;
  const figure = await openFigure(page, sites.plain, query);
  await expect(figure.alert).toContainText('Solver: must be one of the ODE');
  expect((await figure.state()).solver).toBe('midpoint');
  await expect(figure.button('Train')).toBeEnabled();
});
