/**
 * <flow-matching>: a figure that trains a flow-matching model in the reader's browser and draws its flows.
 *
 *     <flow-matching preset="blog" show-arrows theme="dark"></flow-matching>
 *
 * Its attributes are its part of the state table (../state/settings.ts), and besides:
 *   theme    `light` or `dark`; without it, what the reader prefers
 *   address  keeps the state in the address of the page, and takes it from there: for the one figure of a page
 *
 * For scripts and tests: the property `figureState`; the events `flowmatch-frame` (the first frame is drawn),
 * `flowmatch-progress` and `flowmatch-error`; and on the element `data-phase`, `data-drawing` and
 * `data-first-frame-ms`, the milliseconds from the opening of the page to the first frame.
 *
 * This file brings the parts together: the state, the clock, the session with the engine, the panels and
 * the controls. What each of them does is in its own file.
 */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { query } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { Engine } from '../engine/client';
import type { Problem } from '../engine/protocol';
import {
  attributeNames,
  describeProblem,
  keyOfProblem,
  readAttributes,
  readLink,
} from '../state/link';
import { applyPreset, type PresetName } from '../state/presets';
import {
  assemble,
  changedKeys,
  defaultState,
  settings,
  type Key,
  type State,
} from '../state/settings';
import { AddressBar, linkState, linkTo } from './address';
import { Clock } from './clock';
import type { ChangeEvent } from './controls/events';
import { type Command, type CommandEvent } from './controls/events';
import type { LossView } from './controls/loss-chart';
import type { Quality } from './controls/quality-table';
import type { TimeControl } from './controls/time-control';
import type { Run } from './controls/training-strip';
import { nearestParticle, particleCount, placeAt, readFrame } from './data/clip';
import { DensityLayer } from './draw/density';
import { palettes, type ThemeName } from './draw/palette';
import { formatSignificant, formatTime } from './format';
import { legendOf } from './legend';
import { PanelCanvas } from './panel-canvas';
import { titleOf } from './panel-title';
import { gliding, panelsOf, sceneOf, type Moment, type PanelKind } from './scenes';
import { Session, type SessionChange } from './session';
import { controls } from './style/controls';
import { figureStyle } from './style/figure';
import { tokens } from './style/tokens';
import { summarise } from './summary';

/** Milliseconds between two redrawings of the loss chart, and between two changes of the summary. */
const chartPause = 250;
const summaryPause = 4000;
const copiedShown = 2500;
/** CSS pixels within which a pointer picks a particle. */
const pointerReach = 14;
/** How far outside the window a figure gets ready. */
const approachMargin = '50% 0px';
/** How far outside the window it already draws, so that it is there when it comes into sight. */
const sightMargin = '200px 0px';

export class FlowMatching extends LitElement {
  static override readonly styles = [controls, tokens, figureStyle];

  /** Where the page of the figure is, for links from a figure that is embedded elsewhere. */
  static home: URL | undefined;

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, ...attributeNames, 'theme'];
  }

  @query('flow-matching-time') private readonly timeControl!: TimeControl | null;
  @query('.map-value') private readonly mapValue!: HTMLElement | null;

  /** What is in force, and what the reader has set: they differ in what waits for a restart of training. */
  #state: State = defaultState;
  #draft: State = defaultState;
  /** As the attributes had it when they were last read. */
  #attributes: State | undefined;
  /** What was wrong in the link or the attributes, and what the engine has refused. */
  #ignored: readonly Problem[] = [];
  #refused: readonly Problem[] = [];

  #opened = false;
  /** From when the reader comes near the figure. */
  #session: Session | undefined;
  readonly #clock = new Clock();
  #density: DensityLayer | undefined;
  readonly #panels = new Map<PanelKind, PanelCanvas>();
  readonly #address = new AddressBar();

  /** The particle that the reader follows. */
  #followed: number | null = null;
  #frame = 0;
  #firstFrame = false;
  #trainOnFrame = false;
  #onScreen = true;
  #drawing = true;
  #lossView: LossView | undefined;
  #lossAt = 0;
  #summary = '';
  #summaryTimer: ReturnType<typeof setTimeout> | undefined;
  #shared: 'no' | 'copied' | 'shown' = 'no';

  readonly #darkQuery = matchMedia('(prefers-color-scheme: dark)');
  readonly #stillQuery = matchMedia('(prefers-reduced-motion: reduce)');
  #watcher: IntersectionObserver | undefined;
  #approach: IntersectionObserver | undefined;

  // --- The element

  /** What the figure shows. Setting it is as if the reader had set all of it. */
  get figureState(): State {
    return this.#state;
  }

  set figureState(state: State) {
    this.#change(state);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.#opened) this.#open();
    this.#darkQuery.addEventListener('change', this.#onTheme);
    document.addEventListener('visibilitychange', this.#onSight);
    window.addEventListener('pagehide', this.#onLeave);
    this.#watcher = new IntersectionObserver(
      (entries) => {
        this.#onScreen = entries.at(-1)?.isIntersecting ?? true;
        this.#onSight();
      },
      { rootMargin: sightMargin },
    );
    this.#watcher.observe(this);
    // A figure that nobody has come near costs nothing.
    this.#approach = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) this.#startSession();
      },
      { rootMargin: approachMargin },
    );
    if (!this.#session) this.#approach.observe(this);
    this.#requestFrame();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#darkQuery.removeEventListener('change', this.#onTheme);
    document.removeEventListener('visibilitychange', this.#onSight);
    window.removeEventListener('pagehide', this.#onLeave);
    this.#watcher?.disconnect();
    this.#approach?.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    clearTimeout(this.#summaryTimer);
    this.#summaryTimer = undefined;
    this.#address.flush();
    // An element that is only moved comes back at once, and keeps its model.
    queueMicrotask(() => {
      if (!this.isConnected) this.#close();
    });
  }

  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    super.attributeChangedCallback(name, old, value);
    if (old === value || !this.#opened) return;
    if (name === 'theme') this.#onTheme();
    else this.#rereadAttributes();
  }

  #open(): void {
    this.#readState();
    this.#clock.setSpeed(this.#state.speed, 0);
    this.#clock.setLoop(this.#state.loop, 0);
    this.#clock.seek(this.#state.t, 0);
    if (this.#state.playing) this.#clock.play(performance.now());
    this.#trainOnFrame = this.#state.train;
    this.#opened = true;
    this.dataset['phase'] = 'loading';
  }

  #startSession(): void {
    this.#approach?.disconnect();
    this.#session?.close();
    this.#density = undefined;
    const session: Session = new Session(Engine.shared(this.#state.tier), (change) => {
      if (session === this.#session) this.#onSession(change);
    });
    this.#session = session;
    session.watch(this.#drawing, this.#state.background === 'continue');
    void this.#applyState(this.#state, defaultState);
  }

  #close(): void {
    this.#opened = false;
    this.#session?.close();
    this.#session = undefined;
    this.#density = undefined;
    for (const panel of this.#panels.values()) panel.close();
    this.#panels.clear();
  }

  /** The first time from the attributes and the link; an element that comes back has its state already. */
  #readState(): void {
    if (this.#attributes) return;
    const attributes = readAttributes(this);
    this.#attributes = attributes.state;
    let state = attributes.state;
    this.#ignored = attributes.problems;
    if (this.hasAttribute('address') && location.search !== '') {
      const link = readLink(location.search);
      state = link.state;
      this.#ignored = [...this.#ignored, ...link.problems];
    }
    if (this.#stillQuery.matches && state.playing) {
      state = { ...state, playing: false, t: 1, showTrajectories: true };
    }
    this.#state = state;
    this.#draft = state;
    if (this.#ignored.length > 0) this.#dispatch('flowmatch-error', { problems: this.#ignored });
  }

  /** Takes over what has changed in the attributes since they were last read. */
  #rereadAttributes(): void {
    const { state, problems } = readAttributes(this);
    const before = this.#attributes ?? defaultState;
    this.#attributes = state;
    this.#ignored = problems;
    const changed = new Set(changedKeys(state, before));
    const { train } = state;
    this.#change(assemble((key) => (changed.has(key) ? state : this.#draft)[key]));
    if (changed.has('train')) {
      if (train) this.#session?.train(this.#state.trainUntil);
      else this.#session?.pause();
    }
  }

  #dispatch(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  // --- State

  /** The reader has set something. What decides the training waits if there is a trained model to lose. */
  #change(change: Partial<State>): void {
    const before = this.#state;
    this.#draft = { ...this.#draft, ...change };
    // A pause is at the moment that is shown.
    if (change.playing === false && change.t === undefined) {
      this.#draft = { ...this.#draft, t: Number(this.#readClock().t.toFixed(4)) };
    }
    const next = assemble((key) => (this.#waits(key) ? before : this.#draft)[key]);
    this.#force(next);
  }

  #waits(key: Key): boolean {
    const trained = (this.#session?.stepsDone ?? 0) > 0;
    return trained && (settings[key].group === 'experiment' || key === 'tier');
  }

  /** Puts a state in force. */
  #force(next: State, discardModel = false): void {
    const before = this.#state;
    const now = performance.now();
    this.#state = next;
    if (next.speed !== before.speed) this.#clock.setSpeed(next.speed, now);
    if (next.loop !== before.loop) this.#clock.setLoop(next.loop, now);
    if (next.t !== before.t) this.#clock.seek(next.t, now);
    if (next.playing !== before.playing) {
      if (next.playing) this.#clock.play(now);
      else this.#clock.pause(now);
    }
    if (next.tier !== before.tier && this.#session) this.#startSession();
    else void this.#applyState(next, before, discardModel);
    this.#saveAddress();
    this.requestUpdate();
    this.#requestFrame();
  }

  async #applyState(next: State, before: State, discardModel = false): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const problems = await (discardModel ? session.reset(next) : session.apply(next));
    if (session !== this.#session) return;
    this.#refused = problems;
    if (problems.length > 0) {
      // Nothing was changed in the engine: what was in force stays so, and the control says why. What was
      // set besides and is not to blame waits on.
      const blamed = new Set(problems.map(keyOfProblem));
      const isView = (key: Key) => settings[key].group === 'view';
      this.#state = assemble((key) => (isView(key) ? this.#state : before)[key]);
      this.#draft = assemble((key) =>
        blamed.has(key) || blamed.has(undefined) ? this.#state[key] : this.#draft[key],
      );
      this.#dispatch('flowmatch-error', { problems });
      // A figure that opened with something refused opens with what is always allowed.
      if (!session.config && next !== defaultState) {
        this.#ignored = [...this.#ignored, ...problems];
        void this.#applyState(this.#state, defaultState);
      }
    }
    this.requestUpdate();
  }

  #onCommand(command: Command): void {
    const session = this.#session;
    if (!session) return;
    switch (command) {
      case 'train':
        session.train(this.#state.trainUntil);
        break;
      case 'pause':
        session.pause();
        break;
      case 'step':
        session.trainOneStep();
        break;
      case 'reset':
        this.#force(this.#draft, true);
        break;
      case 'apply-waiting': {
        this.#force(this.#draft, true);
        this.#trainOnFrame = true;
        break;
      }
      case 'drop-waiting':
        this.#draft = this.#state;
        this.requestUpdate();
        break;
      case 'preset-quick':
      case 'preset-blog': {
        const name = command.slice('preset-'.length) as PresetName;
        this.#draft = applyPreset(name, this.#draft);
        this.#force(this.#draft, true);
        break;
      }
    }
  }

  #saveAddress(): void {
    const session = this.#session;
    if (!this.hasAttribute('address') || !session) return;
    this.#address.save(() => linkState(this.#state, session, this.#readClock().t));
  }

  // --- What happens

  #onSession(change: SessionChange): void {
    const session = this.#session;
    if (!session) return;
    switch (change) {
      case 'phase':
        if (session.phase === 'error') {
          this.#dispatch('flowmatch-error', {
            code: session.error?.code,
            message: session.error?.message,
          });
        }
        if (session.diverged) {
          this.#dispatch('flowmatch-error', { code: 'diverged', stepsDone: session.stepsDone });
        }
        this.#tellProgress();
        this.#saveAddress();
        this.#startTrainingIfAsked();
        this.#summariseSoon(0);
        break;
      case 'progress':
        this.#tellProgress();
        break;
      case 'problems':
        this.#refused = session.problems;
        break;
      case 'density':
        this.#density = session.density ? new DensityLayer(session.density) : undefined;
        break;
      case 'difference':
        this.#requestFrame();
        return;
      case 'clips':
      case 'metrics':
        break;
    }
    this.requestUpdate();
    this.#requestFrame();
  }

  #tellProgress(): void {
    const session = this.#session;
    if (!session) return;
    this.dataset['phase'] = session.phase;
    this.#dispatch('flowmatch-progress', {
      phase: session.phase,
      stepsDone: session.stepsDone,
      stepsTotal: session.stepsTotal,
      loss: session.loss.lastSmoothed,
    });
  }

  #startTrainingIfAsked(): void {
    if (!this.#trainOnFrame || this.#session?.phase !== 'flowing') return;
    this.#trainOnFrame = false;
    this.#session.train(this.#state.trainUntil);
  }

  readonly #onTheme = (): void => {
    this.requestUpdate();
    this.#requestFrame();
  };

  readonly #onLeave = (): void => {
    this.#saveAddress();
    this.#address.flush();
  };

  /** Out of sight nothing is drawn and the clock stands; training does what the reader chose. */
  readonly #onSight = (): void => {
    const drawing = this.#onScreen && !document.hidden;
    if (drawing === this.#drawing) return;
    this.#drawing = drawing;
    this.dataset['drawing'] = drawing ? 'on' : 'stopped';
    const now = performance.now();
    if (drawing && this.#state.playing) this.#clock.play(now);
    if (!drawing) this.#clock.pause(now);
    this.#session?.watch(drawing, this.#state.background === 'continue');
    this.#summariseSoon(0);
    this.requestUpdate();
    this.#requestFrame();
  };

  #summariseSoon(delay = summaryPause): void {
    if (delay === 0) {
      clearTimeout(this.#summaryTimer);
      this.#summaryTimer = undefined;
    }
    this.#summaryTimer ??= setTimeout(() => {
      this.#summaryTimer = undefined;
      this.#summarise();
    }, delay);
  }

  #summarise(): void {
    const session = this.#session;
    if (!session) return;
    const { t, playing } = this.#readClock();
    const summary = summarise({
      phase: session.phase,
      state: this.#state,
      t,
      playing,
      drawing: this.#drawing,
      stepsDone: session.stepsDone,
      stepsShown: session.learned?.clip.stepsDone ?? null,
      diverged: session.diverged,
      rms: session.difference?.rms ?? null,
      metrics: session.metrics,
    });
    if (summary === this.#summary) return;
    this.#summary = summary;
    this.requestUpdate();
  }

  // --- Frames

  #readClock(): { t: number; playing: boolean } {
    return this.#clock.read(performance.now());
  }

  #requestFrame(): void {
    if (this.#frame !== 0 || !this.isConnected || !this.#drawing) return;
    this.#frame = requestAnimationFrame(this.#onFrame);
  }

  readonly #onFrame = (): void => {
    this.#frame = 0;
    const { t, playing } = this.#readClock();
    const moment = this.#momentAt(t);
    let more = playing;
    for (const kind of this.#panels.keys()) {
      if (this.#drawPanel(kind, moment)) more = true;
    }
    const session = this.#session;
    if (session && gliding(session, moment)) more = true;
    if (this.#state.view === 'difference') {
      session?.wantDifference(t);
      this.#writeMapValue();
    }
    if (this.timeControl) this.timeControl.t = t;
    if (!playing && this.#state.playing && this.#drawing) this.#change({ playing: false, t });
    this.#summariseSoon();
    if (more) this.#requestFrame();
  };

  #momentAt(t: number): Moment {
    const still = this.#stillQuery.matches;
    return { t, now: performance.now(), still, followed: this.#followed };
  }

  /** Returns whether the panel is not complete yet. */
  #drawPanel(kind: PanelKind, moment: Moment): boolean {
    const session = this.#session;
    const panel = this.#panels.get(kind);
    if (!session || !panel) return false;
    const palette = palettes[this.#theme];
    const scene = sceneOf(kind, this.#state, session, this.#density, palette, moment);
    const more = panel.draw(scene, session.half);
    if (!this.#firstFrame && scene.clouds.length > 0) this.#onFirstFrame();
    return more;
  }

  #onFirstFrame(): void {
    this.#firstFrame = true;
    const { startTime } = performance.mark('flowmatch-first-frame');
    this.dataset['firstFrameMs'] = String(Math.round(startTime));
    this.#dispatch('flowmatch-frame', { milliseconds: startTime });
  }

  /** Changes with every map: written directly, so that nothing else is rendered. */
  #writeMapValue(): void {
    const map = this.#session?.difference;
    const element = this.mapValue;
    if (!element) return;
    const text = map ? `RMS ${formatSignificant(map.rms)} at t = ${formatTime(map.t)}` : '';
    if (element.textContent !== text) element.textContent = text;
  }

  // --- Following a particle

  readonly #onPoint = (event: PointerEvent): void => {
    // A finger that moves scrolls the page; it follows what it touches.
    if (event.type === 'pointermove' && event.pointerType !== 'mouse') return;
    const canvas = event.currentTarget as HTMLCanvasElement;
    const session = this.#session;
    const kind = canvas.dataset['panel'] as PanelKind;
    const shown = kind === 'exact' ? session?.exact : session?.learned;
    if (!session || !shown || kind === 'difference') return;
    const { clip } = shown;
    const { half } = session;
    const scale = (2 * half) / canvas.clientWidth;
    const positions = new Float32Array(2 * particleCount(clip));
    readFrame(clip.positions, placeAt(clip.times, this.#readClock().t), positions);
    const x = event.offsetX * scale - half;
    const y = half - event.offsetY * scale;
    this.#follow(nearestParticle(positions, x, y, pointerReach * scale));
  };

  readonly #onPointerLeave = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse') this.#follow(null);
  };

  readonly #onPanelKey = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const { particles } = this.#state;
    if (event.key === 'Escape') this.#follow(null);
    else if (by === undefined) return;
    else if (this.#followed === null) this.#follow(0);
    else this.#follow((this.#followed + by + particles) % particles);
    event.preventDefault();
  };

  #follow(particle: number | null): void {
    if (particle === this.#followed) return;
    this.#followed = particle;
    this.requestUpdate();
    this.#requestFrame();
  }

  get #theme(): ThemeName {
    const wanted = this.getAttribute('theme');
    if (wanted === 'light' || wanted === 'dark') return wanted;
    return this.#darkQuery.matches ? 'dark' : 'light';
  }

  // --- Rendering

  protected override updated(): void {
    const canvases = this.renderRoot.querySelectorAll<HTMLCanvasElement>('canvas[data-panel]');
    const kinds = new Set<PanelKind>();
    for (const canvas of canvases) {
      const kind = canvas.dataset['panel'] as PanelKind;
      kinds.add(kind);
      if (this.#panels.get(kind)?.canvas === canvas) continue;
      this.#panels.get(kind)?.close();
      const panel = new PanelCanvas(canvas, () => {
        const { t } = this.#readClock();
        this.#drawPanel(kind, this.#momentAt(t));
        this.#requestFrame();
      });
      this.#panels.set(kind, panel);
    }
    for (const [kind, panel] of this.#panels) {
      if (kinds.has(kind)) continue;
      panel.close();
      this.#panels.delete(kind);
    }
  }

  protected override render(): TemplateResult {
    const session = this.#session;
    const palette = palettes[this.#theme];
    const { playing } = this.#readClock();
    const panels = panelsOf(this.#state.view);
    return html`
      <div
        class="figure"
        part="figure"
        role="group"
        aria-label="Flow matching, live"
        data-theme=${this.#theme}
        @figure-change=${(event: ChangeEvent) => {
          this.#change(event.change);
        }}
        @figure-command=${(event: CommandEvent) => {
          this.#onCommand(event.command);
        }}
      >
        ${this.#notices()}
        <div class="panels ${panels.length === 1 ? 'one' : 'two'}">
          ${panels.map((kind) => keyed(kind, this.#panel(kind)))}
        </div>
        ${legendOf(this.#state, session?.learned ?? session?.exact ?? null, palette, this.#followed)}
        <flow-matching-time
          .playing=${playing || (this.#state.playing && !this.#drawing)}
          .speed=${this.#state.speed}
          .loop=${this.#state.loop}
        ></flow-matching-time>
        <flow-matching-view .state=${this.#state}></flow-matching-view>
        <flow-matching-training .run=${this.#run()}></flow-matching-training>
        <div class="measures">
          <flow-matching-loss .view=${this.#loss()} .palette=${palette}></flow-matching-loss>
          <flow-matching-quality .quality=${this.#quality()}></flow-matching-quality>
        </div>
        <div class="foot">
          <flow-matching-settings
            .state=${this.#draft}
            .inForce=${this.#state}
            .problems=${this.#refused}
          ></flow-matching-settings>
          ${this.#share()}
          <p class="summary" aria-live="polite">${this.#summary}</p>
        </div>
      </div>
    `;
  }

  #panel(kind: PanelKind): TemplateResult {
    const { heading, note, label } = titleOf(kind, this.#session);
    return html`
      <figure class="panel">
        <figcaption class="title">
          <h2>${heading}</h2>
          ${kind === 'difference' ? html`<small class="map-value"></small>` : html`<small class="work">${note}</small>`}
        </figcaption>
        <canvas
          data-panel=${kind}
          role="img"
          tabindex="0"
          aria-label=${`${label}. Arrow keys follow single particles.`}
          @pointermove=${this.#onPoint}
          @pointerdown=${this.#onPoint}
          @pointerleave=${this.#onPointerLeave}
          @keydown=${this.#onPanelKey}
        ></canvas>
      </figure>
    `;
  }

  #notices(): TemplateResult {
    const session = this.#session;
    const error = session?.phase === 'error' ? session.error : null;
    return html`
      ${
        error
          ? html`
              <div class="notice" role="alert">
                <div>
                  <p>${error.message}</p>
                  <p>
                    ${
                      error.code === 'load_failed'
                        ? 'It needs the files beside the figure’s script, and WebAssembly with SIMD, which current versions of Chrome, Edge, Firefox and Safari have.'
                        : 'All settings are kept; the trained weights are lost, and the same seed trains the same ones again.'
                    }
                  </p>
                </div>
                <button
                  @click=${() => {
                    session?.restart();
                  }}
                >
                  ${error.code === 'load_failed' ? 'Try again' : 'Restart the engine'}
                </button>
              </div>
            `
          : nothing
      }
      ${
        this.#ignored.length > 0
          ? html`
              <div class="notice" role="alert">
                <div>
                  <p>
                    Some of what was asked for could not be taken, and was left as it is by default:
                  </p>
                  <ul>
                    ${this.#ignored.map((problem) => html`<li>${describeProblem(problem)}</li>`)}
                  </ul>
                </div>
                <button
                  class="quiet"
                  @click=${() => {
                    this.#ignored = [];
                    this.requestUpdate();
                  }}
                >
                  Dismiss
                </button>
              </div>
            `
          : nothing
      }
    `;
  }

  #run(): Run {
    const session = this.#session;
    const waiting = changedKeys(this.#draft, this.#state).map((key) => settings[key].label);
    return {
      phase: session?.phase ?? 'loading',
      stepsDone: session?.stepsDone ?? 0,
      stepsTotal: session?.stepsTotal ?? 0,
      stepsPerSecond: session?.stepsPerSecond ?? NaN,
      secondsLeft: session?.secondsLeft ?? NaN,
      trainingSeconds: session?.trainingSeconds ?? 0,
      diverged: session?.diverged ?? false,
      tier: session?.created?.tier ?? null,
      waiting,
    };
  }

  #loss(): LossView {
    const session = this.#session;
    const now = performance.now();
    const hurried = session?.phase === 'training' && now - this.#lossAt < chartPause;
    if (this.#lossView && hurried) return this.#lossView;
    this.#lossAt = now;
    const loss = session?.loss;
    const same =
      this.#lossView &&
      this.#lossView.last === (loss?.last ?? NaN) &&
      this.#lossView.series === loss?.series();
    if (this.#lossView && same) return this.#lossView;
    this.#lossView = {
      series: loss?.series() ?? { steps: [], raw: [], smoothed: [], stepsPerPoint: 1 },
      last: loss?.last ?? NaN,
      lastSmoothed: loss?.lastSmoothed ?? NaN,
      stepsTotal: session?.config?.steps ?? this.#state.steps,
      irreducible: session?.created?.irreducibleLoss ?? null,
      schedule: this.#state.schedule,
    };
    return this.#lossView;
  }

  #quality(): Quality {
    const session = this.#session;
    return {
      latest: session?.metrics ?? null,
      history: session?.metricsHistory ?? [],
      stepsTotal: session?.stepsTotal ?? 1,
    };
  }

  #share(): TemplateResult {
    const link = this.#link();
    if (!link) return html``;
    return html`
      <div class="share">
        <span role="status">${this.#shared === 'copied' ? 'Copied' : nothing}</span>
        ${
          this.#shared === 'shown'
            ? html`<input
                type="text"
                readonly
                aria-label="Link to this state"
                .value=${link.href}
                @focus=${(event: Event) => {
                  (event.target as HTMLInputElement).select();
                }}
              />`
            : nothing
        }
        <button
          @click=${() => {
            void this.#copyLink();
          }}
        >
          Copy link
        </button>
      </div>
    `;
  }

  #link(): URL | undefined {
    const session = this.#session;
    const base = this.hasAttribute('address') ? location.href : FlowMatching.home;
    if (!session || base === undefined) return undefined;
    return linkTo(base, linkState(this.#state, session, this.#readClock().t));
  }

  async #copyLink(): Promise<void> {
    const link = this.#link();
    if (!link) return;
    try {
      await navigator.clipboard.writeText(link.href);
      this.#shared = 'copied';
      setTimeout(() => {
        if (this.#shared === 'copied') this.#shared = 'no';
        this.requestUpdate();
      }, copiedShown);
    } catch {
      // Not every page may write to the clipboard: the reader copies it by hand.
      this.#shared = 'shown';
    }
    this.requestUpdate();
  }
}
