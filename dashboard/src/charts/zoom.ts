import { stepMs } from '../lib/time.ts';
import type { Zoom } from '../state/view.ts';
import type { Buckets } from './series.ts';

/** The finest buckets are minutes: a narrower window would be one bar. */
const NARROWEST_MS = 5 * 60_000;

/** The window between two instants on the time axis, in whole buckets. A bucket is drawn around its start. */
export function zoomWindow({ t, step }: Buckets, one: number, other: number): Zoom | null {
  const start = nearest(t, Math.min(one, other));
  const end = nearest(t, Math.max(one, other));
  if (start === null || end === null) return null;
  const to = end + stepMs(step);
  const missing = Math.max(0, NARROWEST_MS - (to - start));
  // Widened towards the past: the future holds nothing.
  return { from: start - missing, to };
}

function nearest(t: readonly number[], at: number): number | null {
  let best: number | null = null;
  for (const start of t) if (best === null || Math.abs(start - at) < Math.abs(best - at)) best = start;
  return best;
}
