/** The layers that are maps of the whole window: the figure fetches them when its particles move. */
import type { FieldMovie } from '../data/field-movie';
import { DensityLayer } from './density';
import { DifferenceLayer } from './difference-layer';
import { LearnedDensityLayer } from './learned-density-layer';

export class MapLayers {
  readonly density: DensityLayer;
  readonly difference = new DifferenceLayer();
  readonly learnedDensity = new LearnedDensityLayer();

  /** `redraw` is called when more can be drawn than could when it was asked for. */
  constructor(density: FieldMovie, redraw: () => void) {
    this.density = new DensityLayer(density, redraw);
  }
}
