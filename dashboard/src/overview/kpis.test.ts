import { expect, test } from 'vitest';
import type { Summary } from '../api/types.ts';
import { kpis } from './kpis.ts';

const SOME: Summary = {
  requests: 12_000,
  requestsPerMinute: 200,
  errors: 120,
  errorRate: 0.01,
  clientErrors: 240,
  clientErrorRate: 0.02,
  averageMs: 20,
  p50Ms: 12,
  p95Ms: 80,
  p99Ms: 240,
  maxMs: 900,
  bytesIn: 1,
  bytesOut: 1,
};

const NONE: Summary = {
  ...SOME,
  requests: 0,
  requestsPerMinute: 0,
  errors: 0,
  errorRate: null,
  clientErrors: 0,
  clientErrorRate: null,
  averageMs: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  maxMs: null,
};

test('each figure is compared with the period before, each in its own way', () => {
  const before = { ...SOME, requests: 10_000, errorRate: 0.002, p95Ms: 100 };
  const tags = kpis(SOME, before).map(
    ({ name, delta }) => `${name}: ${delta?.direction} ${delta?.text} ${delta?.tone}`,
  );
  expect(tags).toEqual([
    'Requests: up 20% neutral',
    'Error rate: up 0.80 pp bad',
    '4xx rate: same no change neutral',
    'Average: same no change neutral',
    'p50: same no change neutral',
    'p95: down 20% good',
    'p99: same no change neutral',
  ]);
});

test('without requests, rates and latencies are unknown and compared with nothing', () => {
  const figures = kpis(NONE, SOME);
  expect(figures.slice(1).map(({ value, as }) => as(value))).toEqual(Array(6).fill('–'));
  expect(figures.slice(1).every(({ delta }) => delta === null)).toBe(true);
});
