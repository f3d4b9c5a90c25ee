/**
 * The figure's colours and measures as custom properties, for every part of it. An author may set those
 * that begin with `--flowmatch-`; text keeps a contrast of at least 4.5 on the grounds given here.
 */
import { css } from 'lit';

export const tokens = css`
  .figure {
    --ground: var(--flowmatch-background, #ffffff);
    --ink: #1a1d23;
    --muted: #5a616e;
    --hairline: #e1e3e8;
    --edge: #868d9a;
    --soft: #f3f4f6;
    --exact: #0072b2;
    --exact-text: #00639c;
    --learned: #d55e00;
    --learned-text: #a84700;
    --on-learned: #ffffff;
    --refused: #b3261e;
    --focus: #0072b2;
    --sans: var(
      --flowmatch-font,
      system-ui,
      -apple-system,
      'Segoe UI',
      Roboto,
      'Helvetica Neue',
      sans-serif
    );
    color-scheme: light;
  }

  .figure[data-theme='dark'] {
    --ground: var(--flowmatch-background, #15171b);
    --ink: #e9ebef;
    --muted: #a5acb8;
    --hairline: #2b2f37;
    --edge: #727986;
    --soft: #1e2127;
    --exact: #56b4e9;
    --exact-text: #6cbdec;
    --learned: #f28e3c;
    --learned-text: #f5a15a;
    --on-learned: #17110a;
    --refused: #ff8a80;
    --focus: #8ecbf2;
    color-scheme: dark;
  }
`;
