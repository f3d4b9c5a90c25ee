// A figure as the tests see it: what a reader can see and touch, and the few hooks that it offers to scripts.
import type { FrameLocator, Locator, Page } from '@playwright/test';
import type { Metrics } from '../../web/src/engine/protocol';
import type { State } from '../../web/src/state/settings';
import { expect } from './sites';

interface FigureElement extends HTMLElement {
  figureState: State;
}

/** The parts of the figure whose properties are read. */
interface Parts {
  'flow-matching-quality': { quality: { latest: Metrics | null } };
  'flow-matching-training': {
    run: { phase: string; stepsDone: number; stepsTotal: number; trainingSeconds: number };
  };
  'flow-matching-loss': { view: { last: number } };
}

export class Figure {
  readonly element: Locator;

  constructor(within: Page | FrameLocator, index = 0) {
    this.element = within.locator('flow-matching').nth(index);
  }

  /** Waits for the first frame; gives the milliseconds from the opening of its page to it. */
  async firstFrame(): Promise<number> {
    await expect(this.element).toHaveAttribute('data-first-frame-ms', /^\d+$/);
    return Number(await this.element.getAttribute('data-first-frame-ms'));
  }

  async expectPhase(phase: string | RegExp, timeout = 15_000): Promise<void> {
    await expect(this.element).toHaveAttribute('data-phase', phase, { timeout });
  }

  button(name: string): Locator {
    return this.element.getByRole('button', { name, exact: true });
  }

  /** The control of a setting, by the name that it has in a link. */
  setting(name: string): Locator {
    return this.element.locator(`flow-matching-setting[data-setting="${name}"]`);
  }

  async openSettings(): Promise<void> {
    await this.element.locator('summary').click();
    await expect(this.setting('batch-size')).toBeVisible();
  }

  /** Types a value, and leaves the field. */
  async enter(name: string, text: string): Promise<void> {
    const input = this.setting(name).getByRole('textbox');
    await input.fill(text);
    await input.press('Tab');
  }

  get slider(): Locator {
    return this.element.getByRole('slider', { name: /^Time t/ });
  }

  async t(): Promise<number> {
    return Number(await this.slider.inputValue());
  }

  get alert(): Locator {
    return this.element.getByRole('alert');
  }

  async state(): Promise<State> {
    return this.element.evaluate((element) => (element as FigureElement).figureState);
  }

  async run(): Promise<Parts['flow-matching-training']['run']> {
    return (await this.#part('flow-matching-training', ['run'])).run;
  }

  /** The latest measurement, when one was made of this many samples at least. */
  async metrics(count: number): Promise<Metrics> {
    let latest: Metrics | null = null;
    await expect
      .poll(
        async () => {
          ({ latest } = (await this.#part('flow-matching-quality', ['quality'])).quality);
          return latest?.count ?? 0;
        },
        { timeout: 60_000, message: 'a measurement' },
      )
      .toBeGreaterThanOrEqual(count);
    return latest as unknown as Metrics;
  }

  async lastLoss(): Promise<number> {
    return (await this.#part('flow-matching-loss', ['view'])).view.last;
  }

  /** A picture of the first panel, as numbers to compare. */
  async picture(): Promise<string> {
    return this.element
      .locator('canvas[data-panel]')
      .first()
      .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  }

  async #part<K extends keyof Parts>(
    name: K,
    properties: (keyof Parts[K] & string)[],
  ): Promise<Parts[K]> {
    return this.element
      .locator(name)
      .evaluate(
        (part, wanted) =>
          Object.fromEntries(
            wanted.map((key) => [key, (part as unknown as Record<string, unknown>)[key]]),
          ) as never,
        properties,
      );
  }
}

/** Opens the page of a site with a query, and waits for the figure's first frame. */
export async function openFigure(page: Page, site: string, query = ''): Promise<Figure> {
  await page.goto(`${site}${query}`);
  const figure = new Figure(page);
  await figure.firstFrame();
  return figure;
}

/** The project's bar for a good result. */
export function expectGood(metrics: Metrics): void {
  expect(metrics.energyDistance).toBeLessThanOrEqual(2 * metrics.energyDistanceFloor + 0.005);
}
