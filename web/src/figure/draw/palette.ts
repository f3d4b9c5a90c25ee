/**
 * The colours of the drawing, light and dark. Blue is the exact field and orange the learned one everywhere
 * in the figure: the Okabe-Ito pair, which colour-blind readers can tell apart.
 */
import { colorTable, through, type ColorTable } from './color-table';

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
  /** From a small difference to a large one; begins at the ground. */
  readonly difference: ColorTable;
}

/** Magma, by Stéfan van der Walt and Nathaniel Smith: equal steps look equal, to every kind of eye. */
const magma = through(
  '#000004',
  '#140e36',
  '#3b0f70',
  '#641a80',
  '#8c2981',
  '#b73779',
  '#de4968',
  '#f7705c',
  '#fe9f6d',
  '#fecf92',
  '#fcfdbf',
);

/** Colour maps are made when they are first used: a page shows one theme, and rarely every map. */
function lazily(make: () => ColorTable): () => ColorTable {
  let table: ColorTable | undefined;
  return () => (table ??= make());
}

function palette(
  colors: Omit<Palette, 'density' | 'difference'>,
  density: (u: number) => string,
  difference: (u: number) => string,
): Palette {
  // Both maps begin at the ground: what is nothing looks like nothing.
  const densityTable = lazily(() => colorTable(density, colors.ground));
  const differenceTable = lazily(() => colorTable(difference, colors.ground));
  return {
    ...colors,
    get density() {
      return densityTable();
    },
    get difference() {
      return differenceTable();
    },
  };
}

const light = palette(
  {
    theme: 'light',
    ground: '#fbfbf9',
    line: '#c9ccd3',
    label: '#5a616e',
    exact: '#0072b2',
    learned: '#d55e00',
    arrow: '#30343c',
    contour: 'rgba(20, 22, 28, 0.6)',
  },
  through('#ffffff', '#efefef', '#dadada', '#bfbfbf', '#9d9d9d'),
  (u) => magma(0.97 - 0.9 * u),
);

const dark = palette(
  {
    theme: 'dark',
    ground: '#101216',
    line: '#3b414b',
    label: '#a3aab6',
    exact: '#56b4e9',
    learned: '#f28e3c',
    arrow: '#d4d8df',
    contour: 'rgba(255, 255, 255, 0.65)',
  },
  through('#121212', '#2d2d2d', '#4a4a4a', '#636363', '#7a7a7a'),
  (u) => magma(0.05 + 0.93 * u),
);

export const palettes: Readonly<Record<ThemeName, Palette>> = { light, dark };
