/** Which panels a view consists of, and what is drawn in each: from what there is to draw to scenes. */
import type { State } from '../state/settings';
import type { Cloud, Scene } from './draw/panel';
import type { Session, Shown } from './session';
import type { Scenery } from './stage';

/** `both`: the two clouds in one panel. `difference`: the map. The densities are those at t = 1. */
export type PanelKind =
  'exact' | 'learned' | 'both' | 'difference' | 'exactDensity' | 'learnedDensity';

export function panelsOf(view: State['view']): readonly PanelKind[] {
  switch (view) {
    case 'side':
      return ['exact', 'learned'];
    case 'difference':
      return ['both', 'difference'];
    case 'likelihood':
      return ['exactDensity', 'learnedDensity'];
    case 'exact':
      return ['exact'];
    case 'learned':
      return ['learned'];
  }
}

/** Milliseconds in which a cloud glides from an older clip to a newer one. */
const glide = 280;

/** How far a new clip has taken over, 0 to 1, smoothly; at once where the reader wants stillness. */
export function takeover(shown: Shown, now: number, still: boolean): number {
  const { previous, clip } = shown;
  if (still || previous?.positions.length !== clip.positions.length) return 1;
  const u = Math.min(1, Math.max(0, (now - shown.since) / glide));
  return u * u * (3 - 2 * u);
}

/** Whether a cloud is on its way from an older clip to a newer one. */
export function gliding(
  session: Pick<Session, 'exact' | 'learned'>,
  now: number,
  still: boolean,
): boolean {
  return [session.exact, session.learned].some(
    (shown) => shown !== null && takeover(shown, now, still) < 1,
  );
}

function cloud(shown: Shown | null, color: string, now: number, still: boolean): Cloud | undefined {
  if (!shown) return undefined;
  const { clip, arrowGrid, previous } = shown;
  const progress = takeover(shown, now, still);
  return {
    clip,
    arrowGrid,
    color,
    previous: previous && progress < 1 ? { clip: previous, progress } : undefined,
  };
}

/** Over a map there are contours; where the density is what is looked at, they come to it. */
function densityStyleOf(kind: PanelKind, shown: boolean): Scene['densityStyle'] {
  switch (kind) {
    case 'difference':
    case 'learnedDensity':
      return shown ? 'contours' : 'none';
    case 'exactDensity':
      return shown ? 'both' : 'backdrop';
    case 'exact':
    case 'learned':
    case 'both':
      return shown ? 'backdrop' : 'none';
  }
}

/** What a panel shows at flow time t and wall time `now`. */
export function sceneOf(kind: PanelKind, scenery: Scenery, t: number, now: number): Scene {
  const { state, session, palette, still } = scenery;
  const difference = kind === 'difference' ? (session.difference ?? undefined) : undefined;
  const isDensity = kind === 'exactDensity' || kind === 'learnedDensity';
  const exact = cloud(session.exact, palette.exact, now, still);
  const learned = cloud(session.learned, palette.learned, now, still);
  const clouds: Record<PanelKind, readonly (Cloud | undefined)[]> = {
    exact: [exact],
    learned: [learned],
    both: [exact, learned],
    difference: [],
    exactDensity: [exact],
    learnedDensity: [learned],
  };
  return {
    t,
    palette,
    clouds: clouds[kind].filter((each) => each !== undefined),
    maps: scenery.maps,
    densityStyle: densityStyleOf(kind, state.showDensity),
    densityTime: isDensity ? 1 : (difference?.t ?? t),
    difference,
    learnedDensity: kind === 'learnedDensity' ? (scenery.learnedDensity ?? undefined) : undefined,
    showParticles: state.showParticles,
    overlays: scenery.overlays,
    showTrajectories: state.showTrajectories,
    showArrows: state.showArrows,
    followed: scenery.followed,
  };
}
