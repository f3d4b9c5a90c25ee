/** All settings, in a disclosure: presets, what decides the training, what moves the cloud, the figure itself. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Problem } from '../../engine/protocol';
import { presets, type PresetName } from '../../state/presets';
import { keyOfProblem } from '../../state/problems';
import {
  changedKeys,
  defaultState,
  matters,
  sdeSolvers,
  settings,
  tellsScore,
  type Key,
  type State,
} from '../../state/settings';
import { classCount } from '../../state/configs';
import { formatCount } from '../format';
import { controls } from '../style/controls';
import { ChangeEvent, CommandEvent } from './events';
import type { LoadOwnData } from '../load-parts';
import type { Session } from '../session';
import type { ParsePoints } from './points-editor';

interface Group {
  readonly title: string;
  readonly note: string;
  readonly keys: readonly Key[];
}

const groups: readonly Group[] = [
  {
    title: 'Training',
    note: 'A change restarts training; while a trained model is shown it waits for your word.',
    keys: [
      'method',
      'cnfSolver',
      'cnfSteps',
      'couplingLayers',
      'maxLogScale',
      'hidden',
      'activation',
      'timeFeatures',
      'timeFeatureCount',
      'timeFeatureScale',
      'timeFeatureSeed',
      'batchSize',
      'learningRate',
      'learningRateDecay',
      'warmupSteps',
      'weightDecay',
      'gradientClip',
      'emaDecay',
      'steps',
      'seed',
      'stopMetric',
      'stopBelow',
      'stopPatience',
      'stopEvery',
      'stopCount',
    ],
  },
  {
    title: 'Path',
    note: 'From noise to data, what is learned of it, and how the two ends are paired. A change restarts training.',
    keys: [
      'source',
      'sourceParameters',
      'sourceSmoothing',
      'sourceMixture',
      'sourcePoints',
      'schedule',
      'exponent',
      'betaMin',
      'betaMax',
      'prediction',
      'timeLaw',
      'logitMean',
      'logitScale',
      'logNoiseMean',
      'logNoiseScale',
      'fixedTime',
      'lossWeighting',
      'gamma',
      'coupling',
      'couplingBatches',
      'regularisation',
      'labelAware',
    ],
  },
  {
    title: 'Target',
    note: 'A change restarts training as well.',
    keys: [
      'dataSet',
      'components',
      'radius',
      'standardDeviation',
      'parameters',
      'smoothing',
      'labels',
      'labelDropout',
      'mixture',
      'points',
    ],
  },
  {
    title: 'Sampling',
    note: 'Takes effect at once; the trained model is kept.',
    keys: [
      'label',
      'guidance',
      'solver',
      'solverSteps',
      'tolerance',
      'diffusion',
      'samplingSchedule',
      'samplingExponent',
      'samplingBetaMin',
      'samplingBetaMax',
      'particles',
      'noiseSeed',
      'probes',
    ],
  },
  {
    title: 'Figure',
    note: 'Out of sight, the figure always stops drawing.',
    keys: ['background', 'trainUntil', 'tier'],
  },
];

const presetLabels: Readonly<Record<PresetName, string>> = {
  quick: 'Quick',
  blog: 'As in the blog post',
};

/** "3–64–64–64–2 network, linear schedule, 5,000 steps of 256 points" */
function describePreset(name: PresetName): string {
  const preset = presets[name];
  const layers = [3, ...preset.hidden, 2].join('–');
  const schedule = preset.schedule === 'sqrt' ? 'square-root' : 'linear';
  return `${layers} network, ${schedule} schedule, ${formatCount(preset.steps)} steps of ${formatCount(preset.batchSize)} points`;
}

export class SettingsPanel extends LitElement {
  static override readonly styles = [
    controls,
    css`
      summary {
        display: inline-flex;
        gap: 10px;
        align-items: center;
        min-height: 44px;
        cursor: pointer;
        font-weight: 600;
        list-style: none;
      }

      summary::-webkit-details-marker {
        display: none;
      }

      summary::before {
        content: '';
        width: 7px;
        height: 7px;
        border-right: 2px solid;
        border-bottom: 2px solid;
        transform: rotate(-45deg);
      }

      details[open] summary::before {
        transform: translateY(-2px) rotate(45deg);
      }

      .presets {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr));
        gap: 12px;
        margin-top: 12px;
      }

      .presets button {
        display: grid;
        gap: 3px;
        align-content: center;
        height: auto;
        padding: 12px 16px;
        text-align: left;
        white-space: normal;
      }

      .presets strong {
        font-weight: 600;
      }

      .presets span {
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .presets button[aria-pressed='true'] {
        border-color: var(--ink);
        box-shadow: inset 0 0 0 1px var(--ink);
      }

      flow-matching-open {
        margin-top: 12px;
      }

      fieldset {
        min-width: 0;
        margin: 28px 0 0;
        padding: 0;
        border: 0;
      }

      legend {
        padding: 0;
        font-weight: 600;
      }

      .note {
        margin: 2px 0 12px;
        color: var(--muted);
        font-size: 0.8125rem;
      }

      .fields {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 205px), 1fr));
        gap: 14px 20px;
        align-items: start;
      }

      /* A switch stands in line with the controls beside it, not with their names. */
      [data-setting='labels'],
      [data-setting='label-aware'] {
        align-self: end;
      }

      .whole-row {
        grid-column: 1 / -1;
      }

      @container (max-width: 459px) {
        .fields {
          grid-template-columns: repeat(2, minmax(0, 1fr));
          gap: 14px 12px;
        }

        [data-setting='data-set'],
        [data-setting='source'],
        [data-setting='schedule'],
        [data-setting='sampling-schedule'] {
          grid-column: 1 / -1;
        }
      }
    `,
  ];

  /** What the reader has set, and what of it is in force. */
  @property({ attribute: false }) state: State = defaultState;
  @property({ attribute: false }) inForce: State = defaultState;
  @property({ attribute: false }) problems: readonly Problem[] = [];

  /** Fetches the editors of the reader's own data. */
  @property({ attribute: false }) loadOwnData: LoadOwnData = () => Promise.reject(new Error());
  /** What the settings are of. */
  @property({ attribute: false }) session: Session | undefined;

  /** Rendered when it is first opened: most readers never need it. */
  @state() private opened = false;
  /** Whether the editors of the reader's own data are there, or could not be fetched. */
  @state() private ownData: 'absent' | 'coming' | 'here' | 'missing' = 'absent';

  protected override willUpdate(): void {
    if (
      this.opened &&
      this.ownData === 'absent' &&
      (this.state.dataSet !== 'ring' || this.state.source !== 'normal')
    ) {
      void this.#loadOwnData();
    }
  }

  async #loadOwnData(): Promise<void> {
    this.ownData = 'coming';
    try {
      (await this.loadOwnData()).defineOwnData();
      this.ownData = 'here';
    } catch {
      this.ownData = 'missing';
    }
  }

  protected override render(): TemplateResult {
    return html`
      <details
        @toggle=${(event: Event) => {
          this.opened ||= (event.target as HTMLDetailsElement).open;
        }}
      >
        <summary>Settings</summary>
        ${this.opened ? this.#content() : nothing}
      </details>
    `;
  }

  #content(): TemplateResult {
    const waiting = new Set(changedKeys(this.state, this.inForce));
    return html`
      <div class="presets" role="group" aria-label="Presets">
        ${(Object.keys(presets) as PresetName[]).map((name) => this.#preset(name))}
      </div>
      <flow-matching-open
        .loadOwnData=${this.loadOwnData}
        .session=${this.session}
        .inForce=${this.inForce}
        @figure-change=${(event: ChangeEvent) => {
          this.dispatchEvent(new ChangeEvent(event.change, event.opened));
        }}
      ></flow-matching-open>
      ${groups.map(
        (group) => html`
          <fieldset>
            <legend>${group.title}</legend>
            <p class="note">
              ${group.title === 'Path' ? this.#noteOfPath(group.note) : group.note}
            </p>
            <div class="fields">
              ${group.keys
                .filter((key) => this.#matters(key))
                .map((key) => this.#field(key, waiting.has(key)))}
            </div>
          </fieldset>
        `,
      )}
    `;
  }

  /** Reads points from text, in the engine. */
  readonly #parse: ParsePoints = async (csv, labelColumn) => {
    const experiment = this.session?.experiment;
    if (!experiment) throw new Error('The engine is not running.');
    return experiment.parsePoints(csv, labelColumn);
  };

  /** Maximum likelihood knows no path. */
  #noteOfPath(note: string): string {
    return this.state.method === 'flow_matching'
      ? note
      : 'Of the exact field alone: maximum likelihood follows no path. A change restarts training.';
  }

  /** Points may have classes or not. */
  #matters(key: Key): boolean {
    const ofClasses = ['labels', 'labelDropout', 'labelAware', 'label', 'guidance'].includes(key);
    return matters(key, this.state) && !(ofClasses && classCount(this.state) === 0);
  }

  #field(key: Key, waits: boolean): TemplateResult {
    const problems = this.problems.filter((problem) => keyOfProblem(problem) === key);
    if (settings[key].kind === 'table') return this.#table(key, problems);
    return html`
      <flow-matching-setting
        .key=${key}
        .value=${this.state[key]}
        .problem=${problems[0]}
        .classes=${key === 'label' ? classCount(this.state) : 0}
        .without=${key === 'solver' && !(tellsScore(this.state) && tellsScore(this.inForce)) ? sdeSolvers : []}
        ?waits=${waits}
        data-setting=${settings[key].name}
        @figure-change=${this.#forward}
      ></flow-matching-setting>
    `;
  }

  /** What has an editor of its own. */
  #table(key: Key, problems: readonly Problem[]): TemplateResult {
    if (this.ownData === 'missing') {
      return html`
        <p class="note whole-row" role="alert">
          This part of the settings could not be fetched.
          <button
            @click=${() => {
              this.ownData = 'absent';
            }}
          >
            Try again
          </button>
        </p>
      `;
    }
    const { dataSet, source } = this.state;
    if (key === 'mixture' || key === 'sourceMixture') {
      return html`
        <flow-matching-mixture
          class="whole-row"
          .key=${key}
          .value=${this.state[key]}
          .problems=${problems}
          data-setting=${settings[key].name}
          @figure-change=${this.#forward}
        ></flow-matching-mixture>
      `;
    }
    if (key === 'points' || key === 'sourcePoints') {
      return html`
        <flow-matching-points
          class="whole-row"
          .key=${key}
          .value=${this.state[key]}
          .problems=${problems}
          .parse=${this.#parse}
          data-setting=${settings[key].name}
          @figure-change=${this.#forward}
        ></flow-matching-points>
      `;
    }
    return html`
      <flow-matching-set-parameters
        .key=${key}
        .dataSet=${key === 'parameters' ? dataSet : source}
        .value=${this.state[key]}
        .problems=${problems}
        data-setting=${settings[key].name}
        @figure-change=${this.#forward}
      ></flow-matching-set-parameters>
    `;
  }

  #preset(name: PresetName): TemplateResult {
    const chosen = changedKeys(this.state, presets[name]).every(
      (key) => settings[key].group === 'view' || !matters(key, this.state),
    );
    return html`
      <button
        aria-pressed=${chosen ? 'true' : 'false'}
        @click=${() => this.dispatchEvent(new CommandEvent(`preset-${name}`))}
      >
        <strong>${presetLabels[name]}</strong>
        <span>${describePreset(name)}</span>
      </button>
    `;
  }

  readonly #forward = (event: ChangeEvent): void => {
    const { change } = event;
    // Another set has parameters of its own.
    const { dataSet, source } = this.state;
    const newSet = (change.dataSet ?? dataSet) !== dataSet;
    const newSource = (change.source ?? source) !== source;
    this.dispatchEvent(
      new ChangeEvent({
        ...change,
        ...(newSet ? { parameters: '' } : {}),
        ...(newSource ? { sourceParameters: '' } : {}),
      }),
    );
  };
}
