/** The few icons: paths on a 16 x 16 field, hidden from assistive technology, which reads the button's name. */
import { svg, html, type TemplateResult } from 'lit';

function icon(shape: TemplateResult): TemplateResult {
  return html`<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">${shape}</svg>`;
}

export const playIcon = icon(
  svg`<path d="M4.5 2.6v10.8c0 .5.5.8.9.5l8-5.4a.6.6 0 0 0 0-1l-8-5.4a.6.6 0 0 0-.9.5z"/>`,
);
export const pauseIcon = icon(
  svg`<rect x="3.5" y="2.5" width="3.4" height="11" rx=".8"/><rect x="9.1" y="2.5" width="3.4" height="11" rx=".8"/>`,
);
export const loopIcon = icon(
  svg`<path fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" d="M2.5 7.5a4 4 0 0 1 4-4h6M10.5 1.2l2.3 2.3-2.3 2.3M13.5 8.5a4 4 0 0 1-4 4h-6M5.5 14.8l-2.3-2.3 2.3-2.3"/>`,
);
