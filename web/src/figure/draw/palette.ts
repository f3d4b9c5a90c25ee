/**
 * The colours of the drawing, light and dark. Blue is the exact field and orange the learned one everywhere
 * in the figure: the Okabe-Ito pair, which colour-blind readers can tell apart.
 */
import { interpolateGreys, interpolateMagma, interpolateViridis } from 'd3-scale-chromatic';
import { colorTable, type ColorTable } from './color-table';

export type ThemeName = 'light' | 'dark';

export interface Palette {
  readonly theme: ThemeName;
  /** Ground of a panel. */
  readonly ground: string;
  /** Frame and tick marks. */
  readonly line: string;
  /** Tick labels, on any layer. */
  readonly label: string;
  readonly exact: string;
  readonly learned: string;
  readonly arrow: string;
  readonly contour: string;
  /** From no density to the peak; begins at the ground. */
  readonly density: ColorTable;
  /** From a small difference to a large one. */
  readonly difference: ColorTable;
}

const light: Palette = {
  theme: 'light',
  ground: '#fbfbf9',
  line: '#c9ccd3',
  label: '#5a616e',
  exact: '#0072b2',
  learned: '#d55e00',
  arrow: '#30343c',
  contour: 'rgba(20, 22, 28, 0.55)',
  density: colorTable((u) => interpolateGreys(0.48 * u), '#fbfbf9'),
  difference: colorTable((u) => interpolateViridis(u)),
};

const dark: Palette = {
  theme: 'dark',
  ground: '#101216',
  line: '#3b414b',
  label: '#a3aab6',
  exact: '#56b4e9',
  learned: '#f28e3c',
  arrow: '#d4d8df',
  contour: 'rgba(255, 255, 255, 0.6)',
  density: colorTable((u) => interpolateGreys(0.94 - 0.34 * u), '#101216'),
  difference: colorTable((u) => interpolateMagma(u)),
};

export const palettes: Readonly<Record<ThemeName, Palette>> = { light, dark };
