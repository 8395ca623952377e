export type Zone = 'local' | 'utc';

function formatter(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', { ...options, ...(zone === 'utc' ? { timeZone: 'UTC' } : {}) });
}

const DAY: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
const CLOCK: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };

export function clock(at: number, zone: Zone): string {
  return formatter(zone, CLOCK).format(at);
}

export function day(at: number, zone: Zone): string {
  return formatter(zone, DAY).format(at);
}

export function dayAndClock(at: number, zone: Zone): string {
  return `${day(at, zone)}, ${clock(at, zone)}`;
}

/** A stretch of time; its day is named once when it has only one. */
export function spanName(from: number, to: number, zone: Zone): string {
  const isOneDay = day(from, zone) === day(to, zone);
  return `${dayAndClock(from, zone)} – ${isOneDay ? clock(to, zone) : dayAndClock(to, zone)}`;
}

/** One bucket in words, as exact as its length: "23 Nov, 14:05 – 14:10", "23 Nov 2026", "November 2026". */
export function bucketName(at: number, step: string, zone: Zone): string {
  if (step === '1mo') return formatter(zone, { month: 'long', year: 'numeric' }).format(at);
  const ms = STEP_MS[step];
  if (ms === undefined || step === '1d') return formatter(zone, { ...DAY, year: 'numeric' }).format(at);
  return spanName(at, at + ms, zone);
}

/** Steps of even length. Days and months are not: summer time and calendars. */
const STEP_MS: Record<string, number> = { '1m': 60_000, '5m': 300_000, '15m': 900_000, '1h': 3_600_000 };

/** Where the last bucket ends, for drawing; a day or a month may be an hour or three days off. */
export function stepMs(step: string): number {
  return STEP_MS[step] ?? (step === '1mo' ? 30.4 * 86_400_000 : 86_400_000);
}

/** "Europe/Berlin", for the title of the switch. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
