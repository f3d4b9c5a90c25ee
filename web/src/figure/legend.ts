/** The line below the panels that says what the layers on show mean, with the scales of their colours. */
import { html, nothing, type TemplateResult } from 'lit';
import type { State } from '../state/settings';
import { particleCount } from './data/clip';
import { cssGradient } from './draw/color-table';
import { differencePosition, differenceTicks } from './draw/difference';
import { arrowTime, trajectoryCount } from './draw/geometry';
import type { Palette } from './draw/palette';
import { formatSignificant } from './format';
import type { Shown } from './session';

export function legendOf(
  state: State,
  shown: Shown | null,
  palette: Palette,
  followed: number | null,
): TemplateResult {
  return html`
    <div class="legend">
      ${state.view === 'difference' ? differenceScaleBar(palette) : nothing}
      ${state.showDensity || state.view === 'likelihood' ? densityEntry(state, palette) : nothing}
      ${state.showTrajectories ? html`<span>${trajectoriesText(shown)}</span>` : nothing}
      ${
        state.showArrows && shown
          ? html`<span
              >Arrows: the way in Δt = ${formatSignificant(arrowTime(shown.arrowGrid))}</span
            >`
          : nothing
      }
      ${followed === null ? nothing : html`<span>Bold: particle ${followed + 1}, the same noise</span>`}
    </div>
  `;
}

// Styles are set as properties: a content security policy may forbid them as attributes.

function densityEntry(state: State, palette: Palette): TemplateResult {
  if (state.view === 'difference') {
    return html`<span>Contours: p<sub>t</sub></span>`;
  }
  const background = cssGradient(palette.density);
  if (state.view === 'likelihood') {
    return html`
      <span class="scale">
        <span>At t = 1: 0</span>
        <span class="bar" .style=${`background: ${background}`}></span>
        <span>peak of the exact one</span>
      </span>
      ${state.showDensity ? html`<span>Contours: the exact one</span>` : nothing}
      <span>Learned: by the change of variables, which should integrate to 1</span>
    `;
  }
  return html`
    <span class="scale">
      <span>Exact density p<sub>t</sub>: 0</span>
      <span class="bar" .style=${`background: ${background}`}></span>
      <span>its peak</span>
    </span>
  `;
}

function trajectoriesText(shown: Shown | null): string {
  const count = Math.min(trajectoryCount, shown ? particleCount(shown.clip) : trajectoryCount);
  return `Lines: the ways of ${count} of the particles`;
}

function differenceScaleBar(palette: Palette): TemplateResult {
  const background = cssGradient(palette.difference);
  return html`
    <span class="ticked">
      <span>|learned − exact|, faded where p<sub>t</sub> is small</span>
      <span class="bar" .style=${`background: ${background}`}></span>
      <ol>
        ${differenceTicks.map(
          (tick) => html` <li .style=${`left: ${100 * differencePosition(tick)}%`}>${tick}</li> `,
        )}
      </ol>
    </span>
  `;
}
