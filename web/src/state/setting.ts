/**
 * The kinds of setting that the state table is made of: each knows its default, what it allows, and how
 * its value is written as text (in a link, an attribute or an input field) and read back.
 *
 * Not here: which settings there are (settings.ts), what they are called for the reader (words.ts), or any control
 * that edits them.
 */

/** Where a setting belongs: what has to be done again when it changes. */
export type SettingGroup =
  /** Decides the training run: a change means a fresh experiment. */
  | 'experiment'
  /** Decides how clouds are moved: a change means a fresh flow. */
  | 'sampler'
  /** Decides what is drawn, or when things run; nothing is computed again. */
  | 'view';

interface Description {
  /** Its name in a link and as an attribute of the element. */
  readonly name: string;
  readonly group: SettingGroup;
  /** By key, the values of another setting with which this one means something; without it, it always does. */
  readonly when?: Readonly<Record<string, readonly (string | boolean | number)[]>>;
  /** By key, the values of another setting with which it means nothing. */
  readonly unless?: Readonly<Record<string, readonly (string | boolean | number)[]>>;
}

interface Text<T> extends Description {
  readonly default: T;
  /** What it may be, in words that follow "must be". */
  readonly allowed: string;
  /** The value that a text stands for, or undefined when it stands for none that is allowed. */
  readonly read: (text: string) => T | undefined;
  /** The text that `read` turns back into exactly this value. */
  readonly write: (value: T) => string;
}

export interface NumberSetting extends Text<number> {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  /** The bound itself is not allowed. */
  readonly minExcluded: boolean;
  readonly maxExcluded: boolean;
}

export interface ChoiceSetting<T extends string> extends Text<T> {
  readonly kind: 'choice';
  readonly choices: readonly T[];
}

export interface SwitchSetting extends Text<boolean> {
  readonly kind: 'switch';
}

export interface WidthsSetting extends Text<readonly number[]> {
  readonly kind: 'widths';
  readonly maxLayers: number;
  readonly maxWidth: number;
}

/** Rows of numbers, or of a name and its number, as one text: see `rowsIn` and `pairsIn`. */
export interface TableSetting extends Text<string> {
  readonly kind: 'table';
}

/** A class of the data by its number, or -1 for all of it. */
export interface ClassSetting extends Text<number> {
  readonly kind: 'class';
}

/** Decimal numbers only: no hexadecimal, no `Infinity`, no empty text, all of which `Number` takes. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number as people write it: 65,536 rather than 65536. (Intl would hold up the page's opening.) */
export function formatNumber(value: number): string {
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function range(spec: Omit<NumberSetting, keyof Text<number> | 'kind'>): string {
  const what = spec.whole ? 'a whole number' : 'a number';
  const from = spec.minExcluded ? 'above' : 'from';
  const to = spec.maxExcluded ? 'below' : spec.minExcluded ? 'at most' : 'to';
  const comma = spec.minExcluded || spec.maxExcluded ? ',' : '';
  return `${what} ${from} ${formatNumber(spec.min)}${comma} ${to} ${formatNumber(spec.max)}`;
}

interface NumberSpec extends Description {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  readonly minExcluded?: boolean;
  readonly maxExcluded?: boolean;
}

/** A number in a range, both bounds included unless it says otherwise. */
export function number(spec: NumberSpec): NumberSetting {
  const bounds = {
    min: spec.min,
    max: spec.max,
    whole: spec.whole ?? false,
    minExcluded: spec.minExcluded ?? false,
    maxExcluded: spec.maxExcluded ?? false,
  };
  return {
    ...spec,
    ...bounds,
    kind: 'number',
    allowed: range(bounds),
    read(text) {
      const trimmed = text.trim();
      if (!decimal.test(trimmed)) return undefined;
      // Adding 0 turns -0 into 0, which is how it is written.
      const value = Number(trimmed) + 0;
      const belowMax = bounds.maxExcluded ? value < bounds.max : value <= bounds.max;
      const aboveMin = bounds.minExcluded ? value > bounds.min : value >= bounds.min;
      if (!aboveMin || !belowMax) return undefined;
      return bounds.whole && !Number.isSafeInteger(value) ? undefined : value;
    },
    write: String,
  };
}

/** A whole number in a range, both bounds included. */
export function whole(spec: Omit<NumberSpec, 'whole'>): NumberSetting {
  return number({ ...spec, whole: true });
}

interface ChoiceSpec<T extends string> extends Description {
  readonly default: NoInfer<T>;
  readonly choices: readonly T[];
}

/** One of a few names. */
export function choice<const T extends string>(spec: ChoiceSpec<T>): ChoiceSetting<T> {
  return {
    ...spec,
    kind: 'choice',
    allowed: `one of ${spec.choices.join(', ')}`,
    read: (text) => spec.choices.find((name) => name === text.trim()),
    write: (value) => value,
  };
}

interface SwitchSpec extends Description {
  readonly default: boolean;
}

/** On or off. The empty text is on, so that the bare attribute `<flow-matching train>` means what it looks like. */
export function toggle(spec: SwitchSpec): SwitchSetting {
  return {
    ...spec,
    kind: 'switch',
    allowed: 'on or off',
    read(text) {
      switch (text.trim().toLowerCase()) {
        case '':
        case 'on':
        case 'true':
        case '1':
          return true;
        case 'off':
        case 'false':
        case '0':
          return false;
        default:
          return undefined;
      }
    },
    write: (value) => (value ? 'on' : 'off'),
  };
}

interface WidthsSpec extends Description {
  readonly default: readonly number[];
  readonly maxLayers: number;
  readonly maxWidth: number;
}

/** Widths of the hidden layers, written `1024-16`; the empty text is no hidden layer. */
export function widths(spec: WidthsSpec): WidthsSetting {
  return {
    ...spec,
    kind: 'widths',
    allowed:
      `up to ${formatNumber(spec.maxLayers)} widths from 1 to ${formatNumber(spec.maxWidth)} ` +
      'with hyphens between, like 1024-16, or nothing',
    read(text) {
      const trimmed = text.trim();
      if (trimmed === '') return [];
      const parts = trimmed.split('-').map((part) => part.trim());
      if (parts.length > spec.maxLayers) return undefined;
      const values = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
      return values.every((value) => value >= 1 && value <= spec.maxWidth) ? values : undefined;
    },
    write: (value) => value.join('-'),
  };
}

interface TableSpec extends Description {
  readonly default: string;
  readonly allowed: string;
  /** How many fields a row may have, and how many rows there may be. */
  readonly columns: readonly number[];
  readonly maxRows: number;
  /** The first field of each row is a name. */
  readonly named?: boolean;
}

/**
 * A table, written `1_-0.5 2_0.25`: underscores between the fields of a row, spaces between rows, both of which
 * a link carries as one character each. Commas and semicolons are read as well.
 */
export function table(spec: TableSpec): TableSetting {
  const isField = (field: string, column: number) =>
    (spec.named && column === 0 ? /^[a-z]+$/i : decimal).test(field);
  return {
    ...spec,
    kind: 'table',
    read(text) {
      const rows = text
        .split(/[\s;]+/)
        .filter((row) => row !== '')
        .map((row) => row.split(/[_,]/));
      const columns = rows[0]?.length ?? 0;
      const least = spec.named === true ? 0 : 1;
      const fits = rows.length >= least && rows.length <= spec.maxRows;
      const good = rows.every((row) => row.length === columns && row.every(isField));
      if (!fits || !good || (columns > 0 && !spec.columns.includes(columns))) return undefined;
      return rows.map((row) => row.join('_')).join(' ');
    },
    write: (value) => value,
  };
}

/** The numbers of a table. */
export function rowsIn(text: string): readonly (readonly number[])[] {
  return text === '' ? [] : text.split(' ').map((row) => row.split('_').map(Number));
}

/** The numbers of a table of names. */
export function pairsIn(text: string): Readonly<Record<string, number>> {
  const pairs = text === '' ? [] : text.split(' ').map((row) => row.split('_'));
  return Object.fromEntries(pairs.map(([name = '', value]) => [name, Number(value)] as const));
}

interface ClassSpec extends Description {
  readonly default: number;
  /** Most classes of any data. */
  readonly maxClasses: number;
}

/** The number of a class from 0, or `all`. Which classes there are is the data's to say. */
export function classOf(spec: ClassSpec): ClassSetting {
  return {
    ...spec,
    kind: 'class',
    allowed: `all, or the number of a class, from 0 to ${formatNumber(spec.maxClasses - 1)}`,
    read(text) {
      const trimmed = text.trim();
      if (trimmed === 'all') return -1;
      const value = /^\d+$/.test(trimmed) ? Number(trimmed) : NaN;
      return value < spec.maxClasses ? value : undefined;
    },
    write: (value) => (value < 0 ? 'all' : String(value)),
  };
}
