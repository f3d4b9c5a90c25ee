/** A square canvas that always has as many pixels as it is shown with, and the memory to draw on it. */
import { drawPanel, PanelMemory, type Scene } from './draw/panel';

/** More device pixels than this cannot be seen in moving dots, and cost time. */
const maxPixelRatio = 2;

export class PanelCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #memory = new PanelMemory();
  readonly #resize: ResizeObserver;
  #cssSize = 0;

  /** `resized` is called when the canvas has a new size, before it is painted. */
  constructor(canvas: HTMLCanvasElement, resized: (panel: PanelCanvas) => void) {
    this.#canvas = canvas;
    this.#resize = new ResizeObserver(() => {
      if (this.#canvas.clientWidth === this.#cssSize) return;
      this.#cssSize = this.#canvas.clientWidth;
      resized(this);
    });
    this.#resize.observe(canvas);
  }

  get canvas(): HTMLCanvasElement {
    return this.#canvas;
  }

  /** Draws `scene` in a window of `half`; returns whether more is to come. */
  draw(scene: Scene, half: number): boolean {
    const pixelRatio = Math.min(maxPixelRatio, devicePixelRatio || 1);
    const size = Math.round(this.#cssSize * pixelRatio);
    if (size === 0) return false;
    if (this.#canvas.width !== size) {
      this.#canvas.width = size;
      this.#canvas.height = size;
    }
    const context = this.#canvas.getContext('2d', { alpha: false });
    if (!context) return false;
    return drawPanel(context, { size, half, pixelRatio }, scene, this.#memory);
  }

  close(): void {
    this.#resize.disconnect();
  }
}
