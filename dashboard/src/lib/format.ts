// Every number a person reads passes through here. Unknown is "–" and never 0.
export const NOTHING = '–';
export const NOTHING_TITLE = 'no requests in this range';

type Maybe = number | null | undefined;

const LOCALE = 'en';
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
// Closing zeros stay ("1.10 s"): a live number that changes its width makes the page twitch.
const digits = [0, 1, 2].map(
  (count) => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: count, maximumFractionDigits: count }),
);
const three = { minimumSignificantDigits: 3, maximumSignificantDigits: 3 } as const;
const significant = new Intl.NumberFormat(LOCALE, three);

function fixed(value: number, fraction: 0 | 1 | 2): string {
  return (digits[fraction] ?? whole).format(value);
}

/** 1,234 → "1,234"; 12,345 → "12.3k"; 1,234,567 → "1.23 M". */
export function compact(value: Maybe): string {
  if (value == null) return NOTHING;
  const size = Math.abs(value);
  // The limits sit where rounding would carry: 999,950 is "1 M", not "1,000k".
  if (size < 9_999.5)
    return size < 100 && !Number.isInteger(value) ? significant.format(value) : whole.format(value);
  if (size < 999_500) return `${significant.format(value / 1e3)}k`;
  if (size < 999_500_000) return `${significant.format(value / 1e6)} M`;
  return `${significant.format(value / 1e9)} G`;
}

export function full(value: Maybe): string {
  return value == null ? NOTHING : whole.format(value);
}

/** 0.0123 → "1.23%". What happened at least once is never rounded down to "0%". */
export function percent(share: Maybe): string {
  if (share == null) return NOTHING;
  const value = share * 100;
  const size = Math.abs(value);
  if (size === 0 || size === 100) return `${value}%`;
  if (size < 0.01) return '<0.01%';
  if (size < 10) return `${fixed(value, 2)}%`;
  // Nor is what failed at least once rounded up to a clean "100%".
  if (size < 100 && size >= 99.95) return '>99.9%';
  return `${fixed(value, 1)}%`;
}

/** A latency in the unit that reads best: "850 µs", "12.5 ms", "1.24 s". */
export function latency(ms: Maybe): string {
  if (ms == null) return NOTHING;
  if (ms === 0) return '0 ms';
  if (ms < 0.9995) return `${whole.format(Math.max(1, ms * 1000))} µs`;
  if (ms < 99.95) return `${fixed(ms, ms < 9.995 ? 2 : 1)} ms`;
  if (ms < 999.5) return `${whole.format(ms)} ms`;
  return `${fixed(ms / 1000, ms < 9_995 ? 2 : 1)} s`;
}

/** A stretch of time that may be long: "3.2 h", "41 min". */
export function duration(ms: Maybe): string {
  if (ms == null) return NOTHING;
  if (ms < 60_000) return latency(ms);
  if (ms < 3_600_000) return `${significant.format(ms / 60_000)} min`;
  if (ms < 86_400_000 * 2) return `${significant.format(ms / 3_600_000)} h`;
  return `${significant.format(ms / 86_400_000)} d`;
}

/** A number on an axis stands still and needs no closing zeros: "2.00k" → "2k". */
export function trimmed(text: string): string {
  return text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
}

/** "3 s ago"; a clock that is slightly ahead reads "now". */
export function ago(then: number, now: number): string {
  const seconds = Math.floor((now - then) / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1_048_576
    ? `${significant.format(count / 1024)} KiB`
    : `${significant.format(count / 1_048_576)} MiB`;
}
