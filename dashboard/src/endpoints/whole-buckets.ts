import type { Endpoint } from '../api/types.ts';

/** A sparkline has no room to explain a bucket that is still filling: it would look like a collapse. */
export function wholeBuckets(
  { start, stepMs, values }: Endpoint['spark'],
  completeThrough: number,
): number[] {
  const whole = Math.floor((completeThrough - start) / stepMs);
  // With hardly any history, an unfinished bucket is better than no line at all.
  return whole >= 2 ? values.slice(0, whole) : values;
}
