import { completeThrough } from '../api/complete-through.ts';
import type { Meta, Timeseries } from '../api/types.ts';
import { compact, latency, percent } from '../lib/format.ts';
import { classColor, className, STATUS_CLASSES } from './status-classes.ts';

type Values = readonly (number | null)[];

/** One line or layer of a chart, before it is drawn: legend, table and canvas all read it. */
export type Series = {
  id: string;
  name: string;
  color: string;
  values: Values;
  look: 'stack' | 'area' | 'line' | 'dashed';
};

export type Chart = {
  title: string;
  /** What the chart shows, for those who do not see it. */
  label: string;
  series: Series[];
  as: (value: number | null) => string;
  /** The axis reaches at least here, so that a calm hour looks calm. */
  atLeast: number;
  scale: 'linear' | 'log';
};

export type Buckets = {
  t: readonly number[];
  step: string;
  /** Buckets that end after this are still filling. */
  completeThrough: number;
};

export function bucketsOf({ t }: Timeseries, meta: Meta): Buckets {
  return { t, step: meta.step, completeThrough: completeThrough(meta) };
}

export function requestsChart({ requests }: Timeseries): Chart {
  const present = STATUS_CLASSES.filter((name) => requests[name]?.some((count) => count > 0));
  return {
    title: 'Requests',
    label: 'Requests over time by status class',
    series: present.map((name) => ({
      id: name,
      name: className(name),
      color: classColor(name),
      values: requests[name] ?? [],
      look: 'stack',
    })),
    as: compact,
    atLeast: 5,
    scale: 'linear',
  };
}

export function errorRateChart({ t, requests, errors }: Timeseries): Chart {
  const totals = t.map((_, at) =>
    Object.values(requests).reduce((sum, counts) => sum + (counts[at] ?? 0), 0),
  );
  const values = totals.map((total, at) => (total === 0 ? null : (errors[at] ?? 0) / total));
  return {
    title: 'Error rate',
    label: 'Share of requests that failed, over time',
    series: [{ id: 'rate', name: 'error rate', color: 'var(--c-5xx)', values, look: 'area' }],
    as: percent,
    atLeast: 0.01,
    scale: 'linear',
  };
}

export function latencyChart(data: Timeseries, scale: Chart['scale']): Chart {
  const { averageMs, p50Ms, p95Ms, p99Ms } = data;
  return {
    title: 'Latency',
    label: 'Average, p50, p95 and p99 latency over time',
    series: [
      { id: 'p99', name: 'p99', color: 'var(--c-p99)', values: p99Ms, look: 'line' },
      { id: 'p95', name: 'p95', color: 'var(--c-p95)', values: p95Ms, look: 'line' },
      { id: 'average', name: 'average', color: 'var(--c-average)', values: averageMs, look: 'dashed' },
      { id: 'p50', name: 'p50', color: 'var(--c-p50)', values: p50Ms, look: 'line' },
    ],
    as: latency,
    atLeast: 1,
    scale,
  };
}
