/** What stands above the figure when some of what was asked for could not be taken. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Problem } from '../engine/protocol';
import { describeProblem, keyOfProblem } from '../state/problems';

export function ignoredNotice(
  problems: readonly Problem[],
  dismiss: () => void,
): TemplateResult | typeof nothing {
  if (problems.length === 0) return nothing;
  return html`
    <div class="notice" role="alert">
      <div>
        <p>Some of what was asked for could not be taken, and was left as it is by default:</p>
        <ul>
          ${problems.map((problem) => html`<li>${describeProblem(problem)}</li>`)}
        </ul>
      </div>
      <button class="quiet" @click=${dismiss}>Dismiss</button>
    </div>
  `;
}

/** What of `problems` no control of a setting shows, and has not been told. */
export function untold(problems: readonly Problem[], told: readonly Problem[]): readonly Problem[] {
  const said = new Set(told.map(describeProblem));
  return problems.filter(
    (problem) => keyOfProblem(problem) === undefined && !said.has(describeProblem(problem)),
  );
}
