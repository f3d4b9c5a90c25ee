/** How the native controls look in every part of the figure. */
import { css } from 'lit';

export const controls = css`
  :host {
    display: block;
  }

  :host([hidden]) {
    display: none;
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  button,
  input,
  select {
    font: inherit;
    color: inherit;
    letter-spacing: inherit;
  }

  button {
    min-height: 34px;
    padding: 0 14px;
    border: 1px solid var(--edge);
    border-radius: 8px;
    background: none;
    cursor: pointer;
    white-space: nowrap;
    touch-action: manipulation;
  }

  button:hover:not(:disabled) {
    background: var(--soft);
  }

  button:disabled {
    border-color: var(--hairline);
    color: var(--muted);
    cursor: default;
  }

  button.primary {
    border-color: transparent;
    background: var(--learned-text);
    color: var(--on-learned);
    font-weight: 600;
  }

  button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--learned-text) 88%, var(--ink));
  }

  button.primary:disabled {
    background: var(--soft);
    color: var(--muted);
  }

  button.quiet {
    border-color: transparent;
    color: var(--muted);
  }

  button.quiet:hover:not(:disabled) {
    color: var(--ink);
  }

  select,
  input:not([type]),
  input[type='text'] {
    width: 100%;
    min-height: 34px;
    padding: 0 10px;
    border: 1px solid var(--edge);
    border-radius: 8px;
    background: var(--ground);
    font-variant-numeric: tabular-nums;
  }

  select {
    padding-right: 6px;
    cursor: pointer;
  }

  input[aria-invalid='true'] {
    border-color: var(--refused);
    box-shadow: 0 0 0 1px var(--refused);
  }

  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
  }

  svg {
    display: block;
    fill: currentColor;
  }

  .number {
    font-variant-numeric: tabular-nums;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  @media (pointer: coarse) {
    button,
    select,
    input:not([type]),
    input[type='text'] {
      min-height: 44px;
    }
  }
`;
