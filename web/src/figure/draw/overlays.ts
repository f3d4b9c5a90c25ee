/** What is drawn beside the particles when a reader asks for it. */
export { drawArrows } from './arrows';
export { drawFollowed } from './followed';
export { drawTails, TrajectoryMemory } from './trajectories';
