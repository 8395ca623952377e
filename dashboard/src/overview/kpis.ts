import type { Summary } from '../api/types.ts';
import { type Delta, pointsDelta, relativeDelta } from '../lib/delta.ts';
import { compact, full, latency, percent } from '../lib/format.ts';

type Maybe = number | null | undefined;

export type Kpi = {
  name: string;
  value: Maybe;
  as: (value: Maybe) => string;
  title?: string;
  note?: string;
  delta: Delta | null;
};

/** The row of figures. `previous` is the same length of time just before. */
export function kpis(now: Summary, previous: Summary): Kpi[] {
  const rate = (name: string, key: 'errorRate' | 'clientErrorRate', count: number): Kpi => ({
    name,
    value: now[key],
    as: percent,
    title: `${full(count)} of ${full(now.requests)} requests`,
    note: now[key] === null ? '' : compact(count),
    delta: pointsDelta(now[key], previous[key], 'higher-is-worse'),
  });
  const time = (name: string, key: 'averageMs' | 'p50Ms' | 'p95Ms' | 'p99Ms'): Kpi => ({
    name,
    value: now[key],
    as: latency,
    title: `${now[key]} ms`,
    delta: relativeDelta(now[key], previous[key], 'higher-is-worse'),
  });
  return [
    {
      name: 'Requests',
      value: now.requests,
      as: compact,
      title: full(now.requests),
      note: `${compact(now.requestsPerMinute)}/min`,
      delta: relativeDelta(now.requests, previous.requests, 'neutral'),
    },
    rate('Error rate', 'errorRate', now.errors),
    rate('4xx rate', 'clientErrorRate', now.clientErrors),
    time('Average', 'averageMs'),
    time('p50', 'p50Ms'),
    time('p95', 'p95Ms'),
    time('p99', 'p99Ms'),
  ];
}
