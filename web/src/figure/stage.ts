/**
 * The panels of a figure and their frames: it draws all of them at one reading of the clock, again and again
 * as long as something moves, and not at all when nobody can see it.
 */
import type { State } from '../state/settings';
import type { Clock, Reading } from './clock';
import type { DensityMap } from './draw/learned-density-layer';
import type { MapLayers } from './draw/map-layers';
import type * as Overlays from './draw/overlays';
import type { Palette } from './draw/palette';
import { afterPaint, Pacer } from './pacer';
import { PanelCanvas } from './panel-canvas';
import { gliding, sceneOf, type PanelKind } from './scenes';
import type { Session } from './session';

/** What there is to draw. */
export interface Scenery {
  readonly state: State;
  readonly session: Session;
  readonly maps: MapLayers | undefined;
  readonly learnedDensity: DensityMap | null;
  readonly overlays: typeof Overlays | undefined;
  readonly palette: Palette;
  /** The particle that the reader follows, if any. */
  readonly followed: number | null;
  /** The reader has asked for less motion: nothing moves but time. */
  readonly still: boolean;
}

export interface StageOptions {
  readonly clock: Clock;
  /** Undefined when there is nothing to draw, or nobody to see it. */
  readonly scenery: () => Scenery | undefined;
  /** After every frame. */
  readonly onFrame: (reading: Reading) => void;
  /** After the first frame that shows particles. */
  readonly onFirstFrame: () => void;
}

/**
 * On two cores the browser's own work for a frame, which no script can measure, would take turns with the
 * training: every other frame of a usual screen is enough then.
 */
const pauseWhileTraining = navigator.hardwareConcurrency <= 2 ? 33 : 0;

export class Stage {
  readonly #options: StageOptions;
  readonly #panels = new Map<PanelKind, PanelCanvas>();
  readonly #pacer = new Pacer();
  #frame = 0;
  #hasShown = false;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Draws soon, and goes on as long as something moves. */
  requestFrame(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#onFrame);
  }

  /** Takes over the canvases of the panels that are shown now, and lets go of those that are not. */
  adopt(canvases: Iterable<HTMLCanvasElement>): void {
    const shown = new Map([...canvases].map((canvas) => [canvas.dataset['panel'], canvas]));
    for (const [kind, panel] of this.#panels) {
      if (shown.get(kind) === panel.canvas) continue;
      panel.close();
      this.#panels.delete(kind);
    }
    for (const [name, canvas] of shown) {
      const kind = name as PanelKind;
      if (this.#panels.has(kind)) continue;
      // A canvas of a new size is empty: it is drawn before the page is painted.
      const panel = new PanelCanvas(canvas, () => {
        const scenery = this.#options.scenery();
        if (scenery) this.#draw(kind, panel, scenery, this.#read());
        this.requestFrame();
      });
      this.#panels.set(kind, panel);
    }
  }

  /** Stops, and lets go of every canvas. */
  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    for (const panel of this.#panels.values()) panel.close();
    this.#panels.clear();
  }

  #read(): Reading {
    return this.#options.clock.read(performance.now());
  }

  readonly #onFrame = (): void => {
    this.#frame = 0;
    const scenery = this.#options.scenery();
    if (!scenery) return;
    const start = performance.now();
    this.#pacer.pause = scenery.session.phase === 'training' ? pauseWhileTraining : 0;
    if (!this.#pacer.isDue(start)) {
      this.requestFrame();
      return;
    }
    afterPaint(() => {
      this.#pacer.record(start, performance.now());
    });
    const reading = this.#read();
    let more = reading.playing || gliding(scenery.session, performance.now(), scenery.still);
    for (const [kind, panel] of this.#panels) {
      if (this.#draw(kind, panel, scenery, reading)) more = true;
    }
    this.#options.onFrame(reading);
    if (more) this.requestFrame();
  };

  /** Returns whether the panel is not complete yet. */
  #draw(kind: PanelKind, panel: PanelCanvas, scenery: Scenery, { t }: Reading): boolean {
    const { session } = scenery;
    const scene = sceneOf(kind, scenery, t, performance.now());
    const more = panel.draw(scene, session.half);
    if (!this.#hasShown && scene.clouds.length > 0) {
      this.#hasShown = true;
      this.#options.onFirstFrame();
    }
    return more;
  }
}
