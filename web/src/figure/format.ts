/** Numbers as the figure writes them: fixed in width where they change, and never more digits than are true. */

/** 12,345. (Not by Intl: it takes many milliseconds to wake up, just when the page opens.) */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number beside an axis: short, 0.05, 20, 10K. */
export function formatTick(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (magnitude >= 1e3) return `${Number((value / 1e3).toPrecision(3))}K`;
  return String(value);
}

/** Time t, always two decimals. */
export function formatTime(t: number): string {
  return t.toFixed(2);
}

/** A measurement to `digits` significant digits, without an exponent where it can be avoided. */
export function formatSignificant(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -5 || magnitude > 8) return value.toExponential(digits - 1).replace('-', '−');
  const decimals = Math.max(0, digits - 1 - magnitude);
  const text = value.toFixed(Math.min(decimals, 20));
  return text.replace('-', '−');
}

/** A loss: two decimals, so that the column does not change its width as it falls. */
export function formatLoss(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 1000 ? formatCount(value) : value.toFixed(2).replace('-', '−');
}

/** Steps a second. */
export function formatRate(stepsPerSecond: number): string {
  if (!Number.isFinite(stepsPerSecond) || stepsPerSecond <= 0) return '–';
  if (stepsPerSecond >= 100) return formatCount(Number(stepsPerSecond.toPrecision(3)));
  return stepsPerSecond.toPrecision(2);
}

/** How long something will take: "8 s", "1 min 20 s", "2 h 05 min". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 48 * 60) {
    return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  }
  return `${Math.round(minutes / 1440)} days`;
}

/** A share of 1 in percent: "98.7 %". */
export function formatPercent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(decimals)} %` : '–';
}

/** "1 step", "2 steps". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
