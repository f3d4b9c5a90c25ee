/** The figure's frame: its panels, legends, notices and the order of its parts. */
import { css } from 'lit';

export const figureStyle = css`
  :host {
    display: block;
    container-type: inline-size;
  }

  .figure {
    all: initial;
    display: block;
    padding: clamp(14px, 2.6cqi, 32px);
    border: var(--flowmatch-border, 1px solid var(--hairline));
    border-radius: var(--flowmatch-radius, 12px);
    background: var(--ground);
    color: var(--ink);
    font: 0.9375rem / 1.45 var(--sans);
    -webkit-text-size-adjust: 100%;
  }

  .panels {
    display: grid;
    grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: clamp(8px, 2.4cqi, 32px);
    max-width: calc(2 * 760px + 32px);
    margin: 0 auto;
  }

  .panels.one {
    grid-template-columns: minmax(0, 1fr);
    max-width: min(760px, 100%);
  }

  .panel {
    display: grid;
    grid-template-rows: auto auto auto;
    gap: 8px;
    min-width: 0;
    margin: 0;
  }

  .title {
    display: flex;
    flex-wrap: wrap;
    gap: 0 14px;
    align-items: baseline;
    justify-content: space-between;
    min-height: 1.45em;
  }

  .title h2 {
    margin: 0;
    font: inherit;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }

  .title .exact {
    color: var(--exact-text);
  }

  .title .learned {
    color: var(--learned-text);
  }

  .title small {
    color: var(--muted);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }

  canvas {
    display: block;
    width: 100%;
    touch-action: pan-y pinch-zoom;
    aspect-ratio: 1;
    border-radius: 4px;
    box-shadow: 0 0 0 1px var(--hairline);
  }

  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 24px;
    align-items: flex-start;
    justify-content: center;
    min-height: 2.9em;
    margin: 10px 0 0;
    color: var(--muted);
    font-size: 0.8125rem;
    line-height: 1.45;
  }

  .legend sub {
    line-height: 0;
  }

  .scale {
    display: inline-grid;
    grid-template-columns: auto auto auto;
    gap: 8px;
    align-items: center;
    white-space: nowrap;
  }

  .bar {
    width: 84px;
    height: 10px;
    border-radius: 2px;
    box-shadow: 0 0 0 1px var(--hairline);
  }

  .ticked {
    display: inline-grid;
    grid-template-columns: auto 200px;
    gap: 0 10px;
    align-items: center;
    white-space: nowrap;
  }

  .ticked .bar {
    width: 100%;
  }

  .ticked ol {
    position: relative;
    grid-column: 2;
    display: block;
    height: 1.3em;
    margin: 0;
    padding: 0;
    list-style: none;
    font-variant-numeric: tabular-nums;
  }

  .ticked li {
    position: absolute;
    transform: translateX(-50%);
  }

  flow-matching-time {
    margin-top: 6px;
  }

  flow-matching-view {
    margin-top: 14px;
    padding-top: 14px;
    border-top: 1px solid var(--hairline);
  }

  flow-matching-training {
    margin-top: 14px;
    padding-top: 22px;
    border-top: 1px solid var(--hairline);
  }

  .measures {
    display: grid;
    grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr);
    gap: 28px clamp(24px, 4cqi, 56px);
    margin-top: 26px;
  }

  .measures > * {
    min-width: 0;
  }

  flow-matching-straighten {
    margin-top: 20px;
    padding-top: 18px;
    border-top: 1px solid var(--hairline);
  }

  .foot {
    position: relative;
    margin-top: 20px;
    padding-top: 10px;
    border-top: 1px solid var(--hairline);
  }

  flow-matching-share {
    position: absolute;
    top: 10px;
    right: 0;
    background: var(--ground);
  }

  .summary {
    min-height: 2.9em;
    max-width: 62em;
    margin: 16px 0 0;
    color: var(--muted);
    font-size: 0.875rem;
    font-variant-numeric: tabular-nums;
  }

  .notice {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 8px 16px;
    align-items: start;
    margin-bottom: 16px;
    padding: 12px 16px;
    border-left: 3px solid var(--refused);
    background: var(--soft);
  }

  .notice p {
    margin: 0;
  }

  .notice p + p {
    margin-top: 4px;
    color: var(--muted);
  }

  .notice ul {
    margin: 4px 0 0;
    padding-left: 1.2em;
  }

  /* The room of the parts until they are there. */
  flow-matching-time:not(:defined),
  flow-matching-view:not(:defined),
  flow-matching-training:not(:defined),
  flow-matching-loss:not(:defined),
  flow-matching-quality:not(:defined),
  flow-matching-straighten:not(:defined),
  flow-matching-settings:not(:defined) {
    display: block;
    min-height: 45px;
  }

  flow-matching-loss:not(:defined) {
    min-height: 308px;
  }

  @container (max-width: 859px) {
    .measures {
      grid-template-columns: minmax(0, 1fr);
    }
  }

  @container (max-width: 719px) {
    .title .work,
    .title .long,
    .legend .long {
      display: none;
    }
  }

  @container (max-width: 559px) {
    .panel {
      gap: 6px;
    }

    .title h2 {
      font-size: 0.875rem;
    }

    .two .title {
      min-height: 2.6em;
      align-content: end;
      line-height: 1.3;
    }

    .ticked {
      grid-template-columns: minmax(0, 1fr);
      width: 100%;
    }

    .ticked .bar,
    .ticked ol {
      grid-column: 1;
      margin: 0 10px;
      width: auto;
    }
  }
`;
