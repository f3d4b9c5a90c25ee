/** What stands above the figure when the engine is not there, with what the reader can do about it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { EngineError } from '../engine/client';

type Notice = TemplateResult | typeof nothing;

/** The engine did not start, or has stopped. */
export function engineNotice(error: EngineError | null, restart: () => void): Notice {
  if (!error) return nothing;
  const neverCame = error.code === 'load_failed';
  const advice = neverCame
    ? 'It needs the files beside the figure’s script, and WebAssembly with SIMD, which current versions of Chrome, Edge, Firefox and Safari have.'
    : 'All settings are kept; the trained weights are lost, and the same seed trains the same ones again.';
  return html`
    <div class="notice" role="alert">
      <div>
        <p>${error.message}</p>
        <p>${advice}</p>
      </div>
      <button @click=${restart}>${neverCame ? 'Try again' : 'Restart the engine'}</button>
    </div>
  `;
}
