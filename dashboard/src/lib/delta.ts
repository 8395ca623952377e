import { compact } from './format.ts';

/** What a rise means: of errors or latency nothing good, of traffic neither good nor bad. */
export type Meaning = 'higher-is-worse' | 'neutral';

/** The text has no sign: the direction is drawn as an arrow and said in words. */
export type Delta = { text: string; direction: 'up' | 'down' | 'same'; tone: 'good' | 'bad' | 'neutral' };

type Maybe = number | null | undefined;

/** Under this there is nothing to tell. */
const SAME_RATIO = 0.005;
const SAME_POINTS = 0.0001;
/** Under this a change is told but not judged: colour for every wobble teaches people to ignore it. */
const NOTABLE_RATIO = 0.05;

const SAME: Delta = { text: 'no change', direction: 'same', tone: 'neutral' };

/** A value against the period before, in percent of it. Null when either side is unknown. */
export function relativeDelta(now: Maybe, before: Maybe, meaning: Meaning): Delta | null {
  if (now == null || before == null || before === 0) return null;
  const ratio = (now - before) / before;
  if (Math.abs(ratio) < SAME_RATIO) return SAME;
  // Beyond a tenfold rise a percentage no longer reads; "×14" does.
  const text = ratio >= 9 ? `×${compact(Math.round(now / before))}` : `${number(Math.abs(ratio) * 100)}%`;
  return { text, ...judge(ratio, ratio, meaning) };
}

/** A rate against the period before, in percentage points: a percentage of a percentage misleads. */
export function pointsDelta(now: Maybe, before: Maybe, meaning: Meaning): Delta | null {
  if (now == null || before == null) return null;
  const points = now - before;
  if (Math.abs(points) < SAME_POINTS) return SAME;
  const ratio = before === 0 ? Number.POSITIVE_INFINITY : points / before;
  return { text: `${number(Math.abs(points) * 100)} pp`, ...judge(points, ratio, meaning) };
}

function judge(change: number, ratio: number, meaning: Meaning): Pick<Delta, 'direction' | 'tone'> {
  const direction = change > 0 ? 'up' : 'down';
  if (meaning === 'neutral' || Math.abs(ratio) < NOTABLE_RATIO) return { direction, tone: 'neutral' };
  return { direction, tone: direction === 'up' ? 'bad' : 'good' };
}

function number(size: number): string {
  return size < 1 ? size.toFixed(2) : size < 10 ? size.toFixed(1) : size.toFixed(0);
}
