/** Which panels a view consists of, and what is drawn in each: from the state and the session to scenes. */
import type { State } from '../state/settings';
import type { DensityLayer } from './draw/density';
import type { Cloud, Scene } from './draw/panel';
import type { Palette } from './draw/palette';
import type { Session, Shown } from './session';

/** `both`: the two clouds in one panel. `difference`: the map. */
export type PanelKind = 'exact' | 'learned' | 'both' | 'difference';

export function panelsOf(view: State['view']): readonly PanelKind[] {
  switch (view) {
    case 'side':
      return ['exact', 'learned'];
    case 'difference':
      return ['both', 'difference'];
    case 'exact':
      return ['exact'];
    case 'learned':
      return ['learned'];
  }
}

/** Milliseconds in which a cloud glides from an older clip to a newer one. */
const glide = 280;

/** How far a new clip has taken over, 0 to 1, smoothly. */
export function takeover(shown: Shown, now: number, still: boolean): number {
  const { previous, clip } = shown;
  if (still || previous?.positions.length !== clip.positions.length) return 1;
  const u = Math.min(1, Math.max(0, (now - shown.since) / glide));
  return u * u * (3 - 2 * u);
}

export interface Moment {
  readonly t: number;
  /** Milliseconds, as of performance.now(). */
  readonly now: number;
  /** The reader has asked for less motion: nothing moves but time. */
  readonly still: boolean;
  /** The particle that the reader follows, if any. */
  readonly followed: number | null;
}

function cloud(shown: Shown | null, color: string, { now, still }: Moment): Cloud | undefined {
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

export function sceneOf(
  kind: PanelKind,
  state: State,
  session: Pick<Session, 'exact' | 'learned' | 'difference'>,
  density: DensityLayer | undefined,
  palette: Palette,
  moment: Moment,
): Scene {
  const exact = kind === 'learned' ? undefined : cloud(session.exact, palette.exact, moment);
  const learned = kind === 'exact' ? undefined : cloud(session.learned, palette.learned, moment);
  const map = kind === 'difference';
  return {
    t: moment.t,
    palette,
    clouds: map ? [] : [exact, learned].filter((each) => each !== undefined),
    density,
    densityStyle: !state.showDensity ? 'none' : map ? 'contours' : 'backdrop',
    difference: map ? (session.difference ?? undefined) : undefined,
    showParticles: state.showParticles,
    showTrajectories: state.showTrajectories,
    showArrows: state.showArrows,
    followed: moment.followed,
  };
}

/** Whether a cloud is on its way from an older clip to a newer one. */
export function gliding(session: Pick<Session, 'exact' | 'learned'>, moment: Moment): boolean {
  return [session.exact, session.learned].some(
    (shown) => shown !== null && takeover(shown, moment.now, moment.still) < 1,
  );
}
