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
import { html, LitElement, noChange, type TemplateResult } from 'lit';
import { Engine } from '../engine/client';
import type { Problem } from '../engine/protocol';
import { attributeNames, readAttributes, readLink } from '../state/link';
import { applyPreset, type PresetName } from '../state/presets';
import {
  assemble,
  changedKeys,
  defaultState,
  settings,
  withFittingSolver,
  type Key,
  type State,
} from '../state/settings';
import { Clock, type Reading } from './clock';
import type { ChangeEvent, Command, CommandEvent } from './controls/events';
import type { TimeControl } from './controls/time-control';
import type { MapLayers } from './draw/map-layers';
import { palettes, type Palette, type ThemeName } from './draw/palette';
import { nextParticle, pointedParticle } from './follow';
import { formatSignificant, formatTime } from './format';
import { legendOf } from './legend';
import { loadOwnData, loadParts } from './load-parts';
import { engineNotice } from './notices';
import { titleOf, type Integrals } from './panel-title';
import type { Likelihoods } from './likelihoods';
import type { Straightening } from './straightening';
import type * as Parts from './parts';
import { panelsOf, type PanelKind } from './scenes';
import { firstRun, Session, type OpenedRun, type SessionChange } from './session';
import { Sight } from './sight';
import { Stage } from './stage';
import type { Showing } from './summary';
import { controls } from './style/controls';
import { figureStyle } from './style/figure';
import { tokens } from './style/tokens';

export class FlowMatching extends LitElement {
  static override readonly styles = [controls, tokens, figureStyle];

  /** Where the page of the figure is, for links from a figure that is embedded elsewhere. */
  static home: URL | undefined;

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, ...attributeNames, 'theme'];
  }

  /** What is in force, and what the reader has set: they differ in what waits for a restart of training. */
  #state: State = defaultState;
  #draft: State = defaultState;
  /** As the attributes had it when they were last read. */
  #attributes: State | undefined;
  /** What was wrong in the link or the attributes, and what the engine has refused. */
  #ignored: readonly Problem[] = [];
  #refused: readonly Problem[] = [];

  /** From when the reader comes near the figure. */
  #session: Session | undefined;
  #maps: MapLayers | undefined;
  #likelihoods: Likelihoods | undefined;
  #straightening: Straightening | undefined;
  /** Training begins as soon as the next experiment is there. */
  #trainWhenReady = false;
  /** The flow begins with the first frame, not while the engine is on its way. */
  #playOnFirstFrame = false;
  /** The particle that the reader follows. */
  #followed: number | null = null;

  readonly #clock = new Clock();
  readonly #stage = new Stage({
    clock: this.#clock,
    scenery: () => {
      const session = this.#session;
      if (!session || !this.isConnected || !this.#sight.inSight) return undefined;
      return {
        state: this.#state,
        session,
        maps: this.#maps,
        learnedDensity: this.#likelihoods?.density ?? null,
        overlays: this.#parts?.overlays,
        palette: this.#palette,
        followed: this.#followed,
        still: this.#stillQuery.matches,
      };
    },
    onFrame: (reading) => {
      this.#onFrame(reading);
    },
    onFirstFrame: () => {
      this.#onFirstFrame();
    },
  });
  readonly #sight = new Sight(
    this,
    (inSight) => {
      this.#onSight(inSight);
    },
    () => {
      if (!this.#session) this.#startSession();
    },
  );
  /** What comes after the first motion. */
  #parts: typeof Parts | undefined;
  #address: InstanceType<typeof Parts.AddressBar> | undefined;
  #announcer: InstanceType<typeof Parts.Announcer> | undefined;
  #lossViewer: InstanceType<typeof Parts.LossViewer> | undefined;
  readonly #darkQuery = matchMedia('(prefers-color-scheme: dark)');
  readonly #stillQuery = matchMedia('(prefers-reduced-motion: reduce)');

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
    this.#readState();
    this.#darkQuery.addEventListener('change', this.#onTheme);
    window.addEventListener('pagehide', this.#onLeave);
    this.#sight.watch();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#darkQuery.removeEventListener('change', this.#onTheme);
    window.removeEventListener('pagehide', this.#onLeave);
    this.#sight.unwatch();
    this.#stage.close();
    this.#announcer?.stop();
    this.#address?.flush();
    // An element that is only moved comes back at once, and keeps its model.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#session?.close();
      this.#session = undefined;
      this.#maps = undefined;
      this.#followSession();
    });
  }

  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    super.attributeChangedCallback(name, old, value);
    if (old === value || !this.#attributes) return;
    if (name === 'theme') this.#onTheme();
    else this.#rereadAttributes();
  }

  /** From the attributes and the link, once: an element that comes back has its state already. */
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
    this.#clock.setSpeed(state.speed, 0);
    this.#clock.setLoop(state.loop, 0);
    this.#clock.seek(state.t, 0);
    this.#playOnFirstFrame = state.playing;
    this.#trainWhenReady = state.train;
    this.dataset['phase'] = 'loading';
    this.dataset['drawing'] = 'on';
    if (this.#ignored.length > 0) this.#dispatch('flowmatch-error', { problems: this.#ignored });
  }

  /** Takes over what has changed in the attributes since they were last read. */
  #rereadAttributes(): void {
    const { state, problems } = readAttributes(this);
    const before = this.#attributes ?? defaultState;
    this.#attributes = state;
    this.#ignored = problems;
    const changed = new Set(changedKeys(state, before));
    this.#change(assemble((key) => (changed.has(key) ? state : this.#draft)[key]));
    if (!changed.has('train')) return;
    if (state.train) this.#session?.train(this.#state.trainUntil);
    else this.#session?.pause();
  }

  #startSession(): void {
    this.#session?.close();
    this.#maps = undefined;
    const session: Session = new Session(Engine.shared(this.#state.tier), (change) => {
      if (session === this.#session) this.#onSession(change);
    });
    this.#session = session;
    this.#followSession();
    session.watch(this.#sight.inSight, this.#state.background === 'continue');
    void this.#applyState(this.#state, defaultState);
  }

  #dispatch(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  // --- State

  /**
   * The reader has set something. What decides the training waits if there is a trained model to lose, unless it
   * comes with a trained model of its own.
   */
  #change(change: Partial<State>, opened?: OpenedRun): void {
    const before = this.#state;
    this.#draft = withFittingSolver({ ...this.#draft, ...change });
    // A pause is at the moment that is shown.
    if (change.playing === false && change.t === undefined) {
      this.#draft = { ...this.#draft, t: Number(this.#read().t.toFixed(4)) };
    }
    const comes = (key: Key) => opened && key in change;
    const next = withFittingSolver(
      assemble((key) => (this.#waits(key) && !comes(key) ? before : this.#draft)[key]),
    );
    // What waits may allow it, and what is in force not.
    this.#draft = { ...this.#draft, solver: next.solver };
    this.#force(next, opened);
  }

  #waits(key: Key): boolean {
    const trained = this.#session !== undefined && this.#session.first.stepsDone > 0;
    return trained && (settings[key].group === 'experiment' || key === 'tier');
  }

  /** Puts a state in force. */
  #force(next: State, discardFor?: boolean | OpenedRun): void {
    const before = this.#state;
    const now = performance.now();
    this.#state = next;
    if (next.speed !== before.speed) this.#clock.setSpeed(next.speed, now);
    if (next.loop !== before.loop) this.#clock.setLoop(next.loop, now);
    if (next.t !== before.t) this.#clock.seek(next.t, now);
    if (next.playing !== before.playing) {
      if (!next.playing) this.#clock.pause(now);
      else if (this.#sight.inSight) this.#clock.play(now);
      this.#playOnFirstFrame = false;
    }
    if (next.tier !== before.tier && this.#session) this.#startSession();
    else void this.#applyState(next, before, discardFor);
    this.#saveAddress();
    this.#updateMeasures();
    this.requestUpdate();
    this.#stage.requestFrame();
  }

  async #applyState(next: State, before: State, discardFor?: boolean | OpenedRun): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const problems = await session.apply(next, discardFor);
    if (session !== this.#session) return;
    this.#refused = problems;
    if (problems.length > 0) {
      // Nothing was changed in the engine: what was in force stays so, and the control says why. What was
      // set besides and is not to blame waits on.
      const parts = await loadParts();
      if (session !== this.#session) return;
      const blamed = new Set(problems.map((problem) => parts?.keyOfProblem(problem)));
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
      } else {
        this.#trainWhenReady = false;
        await this.#tellUnplaced(problems);
      }
    }
    this.requestUpdate();
  }

  /** What no control of a setting would show stands above the figure. */
  async #tellUnplaced(problems: readonly Problem[]): Promise<void> {
    const parts = await loadParts();
    this.#ignored = [...this.#ignored, ...(parts?.untold(problems, this.#ignored) ?? problems)];
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
      case 'apply-waiting':
        this.#force(this.#draft, true);
        this.#trainWhenReady = true;
        break;
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
    const parts = this.#parts;
    if (!this.hasAttribute('address') || !session || !parts) return;
    this.#address?.save(() => parts.linkState(this.#state, session.first, this.#read().t));
  }

  // --- What happens

  #onSession(change: SessionChange): void {
    const session = this.#session;
    if (!session) return;
    this.#updateMeasures();
    switch (change) {
      case 'phase':
        this.#tellErrors(session);
        this.#tellProgress(session);
        this.#saveAddress();
        if (this.#trainWhenReady && session.phase === 'flowing') {
          this.#trainWhenReady = false;
          session.train(this.#state.trainUntil);
        }
        this.#announcer?.now();
        break;
      case 'progress':
        this.#tellProgress(session);
        break;
      case 'problems':
        this.#refused = session.problems;
        void this.#tellUnplaced(session.problems);
        break;
      case 'density':
        void this.#adoptDensity(session);
        return;
      case 'difference':
        this.#stage.requestFrame();
        return;
      case 'clips':
      case 'metrics':
        break;
    }
    this.requestUpdate();
    this.#stage.requestFrame();
  }

  async #loadParts(): Promise<void> {
    this.#parts = await loadParts();
    if (this.#parts && !this.#address) this.#adopt(this.#parts);
    this.#followSession();
    this.#saveAddress();
    this.requestUpdate();
    this.#announcer?.now();
    this.#stage.requestFrame();
  }

  /** Makes what a figure has one of, as long as it lives. */
  #adopt(parts: typeof Parts): void {
    this.#address = new parts.AddressBar();
    this.#lossViewer = new parts.LossViewer();
    this.#announcer = new parts.Announcer(
      () => parts.summarise(this.#showing()),
      () => {
        this.requestUpdate();
      },
    );
  }

  /** What is measured of the session that there is now. */
  #followSession(): void {
    this.#likelihoods?.close();
    this.#straightening?.close();
    const session = this.#session;
    const parts = this.#parts;
    const changed = () => {
      this.#updateMeasures();
      this.requestUpdate();
      this.#stage.requestFrame();
    };
    this.#likelihoods = session && parts && new parts.Likelihoods(session, changed);
    this.#straightening = session && parts && new parts.Straightening(session, changed);
    this.#updateMeasures();
  }

  #updateMeasures(): void {
    const { view, probes } = this.#state;
    this.#likelihoods?.update(this.#sight.inSight, view === 'likelihood', probes);
    this.#straightening?.update(this.#sight.inSight);
  }

  async #adoptDensity(session: Session): Promise<void> {
    const { MapLayers } = await import('./draw/map-layers');
    if (session !== this.#session) return;
    this.#maps =
      session.density === null
        ? undefined
        : new MapLayers(session.density, () => {
            this.#stage.requestFrame();
          });
    this.requestUpdate();
    this.#stage.requestFrame();
  }

  #tellErrors({ phase, error, diverged, stepsDone }: Session): void {
    if (phase === 'error') {
      void this.#loadParts();
      this.#dispatch('flowmatch-error', { code: error?.code, message: error?.message });
    }
    if (diverged) this.#dispatch('flowmatch-error', { code: 'diverged', stepsDone });
  }

  #tellProgress({ phase, stepsDone, stepsTotal, loss }: Session): void {
    this.dataset['phase'] = phase;
    const detail = { phase, stepsDone, stepsTotal, loss: loss.lastSmoothed };
    this.#dispatch('flowmatch-progress', detail);
  }

  readonly #onTheme = (): void => {
    this.requestUpdate();
    this.#stage.requestFrame();
  };

  readonly #onLeave = (): void => {
    this.#saveAddress();
    this.#address?.flush();
  };

  /** Out of sight nothing is drawn and the clock stands; training does what the reader chose. */
  #onSight(inSight: boolean): void {
    this.dataset['drawing'] = inSight ? 'on' : 'stopped';
    const now = performance.now();
    if (!inSight) this.#clock.pause(now);
    else if (this.#state.playing && !this.#playOnFirstFrame) this.#clock.play(now);
    this.#session?.watch(inSight, this.#state.background === 'continue');
    this.#updateMeasures();
    this.#announcer?.now();
    this.requestUpdate();
    this.#stage.requestFrame();
  }

  #onFirstFrame(): void {
    const { startTime } = performance.mark('flowmatch-first-frame');
    this.dataset['firstFrameMs'] = String(Math.round(startTime));
    if (this.#playOnFirstFrame) {
      this.#playOnFirstFrame = false;
      const now = performance.now();
      // Off at once, without the loop's rest at the noise.
      this.#clock.seek(Math.max(this.#state.t, Number.EPSILON), now);
      this.#clock.play(now);
      this.#stage.requestFrame();
    }
    this.#dispatch('flowmatch-frame', { milliseconds: startTime });
    void this.#loadParts();
  }

  #onFrame({ t }: Reading): void {
    if (this.#state.view === 'difference') {
      this.#session?.wantDifference(t);
      this.#writeMapValue();
    }
    const control = this.renderRoot.querySelector<TimeControl>('flow-matching-time');
    if (control) control.t = t;
    // Without a loop the flow ends at the data. (The first frame has only just set it going.)
    const ended = this.#state.playing && !this.#read().playing && !this.#playOnFirstFrame;
    if (ended) this.#change({ playing: false, t });
    this.#announcer?.soon();
  }

  /** Changes with every map: written directly, so that nothing else is rendered. */
  #writeMapValue(): void {
    const map = this.#session?.difference;
    const element = this.renderRoot.querySelector('.map-value');
    if (!element) return;
    const text = map ? `RMS ${formatSignificant(map.rms)} at t = ${formatTime(map.t)}` : '';
    if (element.textContent !== text) element.textContent = text;
  }

  #showing(): Showing {
    const session = this.#session;
    const { t } = this.#read();
    return {
      phase: session?.phase ?? 'loading',
      state: this.#state,
      t,
      playing: this.#state.playing,
      drawing: this.#sight.inSight,
      stepsDone: session?.stepsDone ?? 0,
      kind: session?.kind ?? firstRun,
      stepsShown: session?.learned?.clip.stepsDone ?? null,
      diverged: session?.diverged ?? false,
      rms: session?.difference?.rms ?? null,
      metrics: session?.metrics ?? null,
    };
  }

  #read(): Reading {
    return this.#clock.read(performance.now());
  }

  // --- Following a particle

  readonly #onPoint = (event: PointerEvent): void => {
    // A finger that moves scrolls the page; it follows what it touches.
    if (event.type === 'pointermove' && event.pointerType !== 'mouse') return;
    const canvas = event.currentTarget as HTMLCanvasElement;
    const kind = canvas.dataset['panel'] as PanelKind;
    const session = this.#session;
    const isExact = kind === 'exact' || kind === 'exactDensity';
    const shown = isExact ? session?.exact : session?.learned;
    if (!session || !shown || kind === 'difference') return;
    this.#follow(pointedParticle(shown.clip, this.#read().t, session.half, canvas, event));
  };

  readonly #onPointerLeave = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse') this.#follow(null);
  };

  readonly #onPanelKey = (event: KeyboardEvent): void => {
    const next = nextParticle(event.key, this.#followed, this.#state.particles);
    if (next === undefined) return;
    event.preventDefault();
    this.#follow(next);
  };

  #follow(particle: number | null): void {
    if (particle === this.#followed) return;
    this.#followed = particle;
    this.requestUpdate();
    this.#stage.requestFrame();
  }

  // --- Rendering

  get #theme(): ThemeName {
    const wanted = this.getAttribute('theme');
    if (wanted === 'light' || wanted === 'dark') return wanted;
    return this.#darkQuery.matches ? 'dark' : 'light';
  }

  get #palette(): Palette {
    return palettes[this.#theme];
  }

  /** The link to this moment: of the page, if it has this figure's state in its address, or of the figure's home. */
  readonly #link = (): URL | undefined => {
    const session = this.#session;
    const base = this.hasAttribute('address') ? location.href : FlowMatching.home;
    const parts = this.#parts;
    if (!session || !parts || base === undefined) return undefined;
    return parts.linkTo(base, parts.linkState(this.#state, session.first, this.#read().t));
  };

  protected override updated(): void {
    this.#stage.adopt(this.renderRoot.querySelectorAll<HTMLCanvasElement>('canvas[data-panel]'));
  }

  protected override render(): TemplateResult {
    const session = this.#session;
    const parts = this.#parts;
    const panels = panelsOf(this.#state.view);
    const waiting = changedKeys(this.#draft, this.#state);
    return html`
      <div
        class="figure"
        part="figure"
        role="group"
        aria-label="Flow matching, live"
        data-theme=${this.#theme}
        @figure-change=${(event: ChangeEvent) => {
          this.#change(event.change, event.opened);
        }}
        @figure-command=${(event: CommandEvent) => {
          this.#onCommand(event.command);
        }}
      >
        ${engineNotice(session?.phase === 'error' ? session.error : null, () => {
          session?.restart();
        })}
        ${parts?.ignoredNotice(this.#ignored, () => {
          this.#ignored = [];
          this.requestUpdate();
        })}
        <div class="panels ${panels.length === 1 ? 'one' : 'two'}">
          ${panels.map((kind) => this.#panel(kind))}
        </div>
        ${legendOf(this.#state, session?.learned ?? session?.exact ?? null, this.#palette, this.#followed)}
        <flow-matching-time
          .playing=${this.#state.playing}
          .speed=${this.#state.speed}
          .loop=${this.#state.loop}
          .from=${this.#state.source === 'normal' ? 'noise' : 'source'}
        ></flow-matching-time>
        <flow-matching-view .state=${this.#state}></flow-matching-view>
        <flow-matching-training
          .run=${parts?.runOf(session, waiting) ?? noChange}
        ></flow-matching-training>
        <div class="measures">
          <flow-matching-loss
            .view=${this.#lossViewer?.view(session, this.#state) ?? noChange}
            .palette=${this.#palette}
          ></flow-matching-loss>
          <flow-matching-quality
            .quality=${parts?.qualityOf(session, this.#likelihoods, this.#straightening) ?? noChange}
          ></flow-matching-quality>
        </div>
        <flow-matching-straighten .straightening=${this.#straightening}></flow-matching-straighten>
        <div class="foot">
          <flow-matching-settings
            .state=${this.#draft}
            .inForce=${this.#state}
            .problems=${this.#refused}
            .session=${session}
            .loadOwnData=${loadOwnData}
          ></flow-matching-settings>
          <flow-matching-share
            .link=${this.#link}
            .state=${this.#draft}
            ?linkable=${this.hasAttribute('address') || FlowMatching.home !== undefined}
          ></flow-matching-share>
          <p class="summary" aria-live="polite">${this.#announcer?.text ?? ''}</p>
        </div>
      </div>
    `;
  }

  get #integrals(): Integrals {
    const movie = this.#session?.density;
    return {
      exact: (movie && this.#likelihoods?.exactIntegral(movie)) ?? null,
      learned: this.#likelihoods?.density ?? null,
      absence: this.#likelihoods?.absence,
    };
  }

  #panel(kind: PanelKind): TemplateResult {
    const { heading, note, label } = titleOf(
      kind,
      this.#session,
      this.#session?.config ?? undefined,
      this.#integrals,
    );
    // Where there is little room, how much work it was is left out.
    const isWork = kind === 'exact' || kind === 'learned' || kind === 'both';
    return html`
      <figure class="panel">
        <figcaption class="title">
          <h2>${heading}</h2>
          ${kind === 'difference' ? html`<small class="map-value"></small>` : html`<small class=${isWork ? 'work' : 'integral'}>${note}</small>`}
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
}
