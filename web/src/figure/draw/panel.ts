/**
 * One panel, drawn: a pure function of what is to be seen and the time on the clock. The memory it is given
 * (`PanelMemory`) only saves work; a fresh one draws the same picture, on a page or on a still for print.
 */
import type { FlowClip, Grid } from '../../engine/protocol';
import { arrowCount, blend, particleCount, placeAt, readFrame, sized } from '../data/clip';
import { AxesMemory, drawGround } from './axes';
import type { DifferenceMap } from './difference';
import type { Viewport } from './geometry';
import type { DensityMap } from './learned-density-layer';
import type { MapLayers } from './map-layers';
import type * as Overlays from './overlays';
import type { Palette } from './palette';
import { ParticleBuffer } from './particles';

/** One cloud and its field, in one colour. */
export interface Cloud {
  readonly clip: FlowClip;
  /** Where the clip's arrows stand, if it has any. */
  readonly arrowGrid: Grid;
  readonly color: string;
  /** The clip that was shown before, and how far it has given way to `clip`, 0 to 1. */
  readonly previous?: { readonly clip: FlowClip; readonly progress: number } | undefined;
}

export interface Scene {
  readonly t: number;
  readonly palette: Palette;
  /** Drawn one over the other, in this order. */
  readonly clouds: readonly Cloud[];
  /** Undefined until the density is known; the difference then waits for it, too. */
  readonly maps: MapLayers | undefined;
  /** How the exact density is shown, if at all, and of which time. */
  readonly densityStyle: 'backdrop' | 'contours' | 'both' | 'none';
  readonly densityTime: number;
  readonly difference: DifferenceMap | undefined;
  readonly learnedDensity: DensityMap | undefined;
  readonly showParticles: boolean;
  /** What draws the next three; undefined until it is there. */
  readonly overlays: typeof Overlays | undefined;
  readonly showTrajectories: boolean;
  readonly showArrows: boolean;
  /** The particle that the reader follows, if any. */
  readonly followed: number | null;
}

/** What a panel keeps from one frame to the next, only to draw it faster. */
export class PanelMemory {
  readonly axes = new AxesMemory();
  readonly particles = new ParticleBuffer();
  readonly clouds: CloudMemory[] = [];
}

class CloudMemory {
  trajectories: Overlays.TrajectoryMemory | undefined;
  positions: Float32Array = new Float32Array(0);
  previous: Float32Array = new Float32Array(0);
  arrows: Float32Array = new Float32Array(0);
}

/** Draws `scene`; returns whether more of it is still to come (pictures that are built over several frames). */
export function drawPanel(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  scene: Scene,
  memory: PanelMemory,
): boolean {
  const { palette, maps } = scene;
  drawGround(context, viewport, palette);
  if (maps && scene.difference) {
    const { movie } = maps.density;
    maps.difference.draw(context, viewport, scene.difference, palette.difference, movie);
  }
  if (maps && scene.learnedDensity) {
    const { movie } = maps.density;
    maps.learnedDensity.draw(context, viewport, scene.learnedDensity, palette.density, movie);
  }
  const { densityStyle, densityTime } = scene;
  if (maps && (densityStyle === 'backdrop' || densityStyle === 'both')) {
    maps.density.drawBackdrop(context, viewport, densityTime, palette.density);
  }
  if (maps && (densityStyle === 'contours' || densityStyle === 'both')) {
    maps.density.drawContours(context, viewport, densityTime, palette.contour);
  }
  let more = false;
  const { overlays } = scene;
  scene.clouds.forEach((cloud, index) => {
    const cloudMemory = (memory.clouds[index] ??= new CloudMemory());
    if (!overlays || !scene.showTrajectories) return;
    const trajectories = (cloudMemory.trajectories ??= new overlays.TrajectoryMemory());
    if (trajectories.draw(context, viewport, cloud.clip, cloud.color)) more = true;
  });
  scene.clouds.forEach((cloud, index) => {
    const cloudMemory = memory.clouds[index];
    if (cloudMemory) drawCloud(context, viewport, scene, cloud, cloudMemory, memory.particles);
  });
  memory.axes.draw(context, viewport, palette);
  return more;
}

/** The same for a still: whatever takes several frames is drawn to its end. For contours, `loadContours` first. */
export function drawStill(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  scene: Scene,
): void {
  const memory = new PanelMemory();
  let more = true;
  while (more) more = drawPanel(context, viewport, scene, memory);
}

/** The same noise, moved by older weights: each particle glides from there to its new place. */
function glideFromPrevious({ previous }: Cloud, t: number, memory: CloudMemory): void {
  if (!previous || previous.progress >= 1) return;
  memory.previous = sized(memory.previous, 2 * particleCount(previous.clip));
  readFrame(previous.clip.positions, placeAt(previous.clip.times, t), memory.previous);
  blend(memory.positions, memory.previous, 1 - previous.progress);
}

function drawCloud(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  scene: Scene,
  cloud: Cloud,
  memory: CloudMemory,
  particles: ParticleBuffer,
): void {
  const { clip, color } = cloud;
  const { t, overlays } = scene;
  const place = placeAt(clip.times, t);
  memory.positions = sized(memory.positions, 2 * particleCount(clip));
  readFrame(clip.positions, place, memory.positions);
  if (overlays && scene.showTrajectories) {
    const opacity = cloud.previous?.progress ?? 1;
    overlays.drawTails(context, viewport, clip, place, memory.positions, color, opacity);
  }
  glideFromPrevious(cloud, t, memory);
  if (scene.showParticles) particles.draw(context, viewport, memory.positions, color);
  if (overlays && scene.showArrows && clip.arrows) {
    memory.arrows = sized(memory.arrows, 2 * arrowCount(clip));
    readFrame(clip.arrows, place, memory.arrows);
    overlays.drawArrows(context, viewport, cloud.arrowGrid, memory.arrows, scene.palette.arrow);
  }
  if (overlays && scene.followed !== null) {
    const { ground } = scene.palette;
    overlays.drawFollowed(context, viewport, clip, memory.positions, scene.followed, color, ground);
  }
}
