import type { Endpoint, EndpointSort, Meta, Service, StatusCode, Summary, Timeseries } from '../api/types.ts';
import { type Cell, type Grid, sum } from './traffic.ts';
import type { Window } from './window.ts';

export function meta(window: Window, received: number, now: number): Meta {
  return {
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
    tz: 'UTC',
    step: window.step,
    completeThrough: new Date(now - 400).toISOString(),
    received,
    late: 0,
    sdkDropped: null,
    percentileMaxRelError: 0.0109,
    tzApproximate: false,
    queryMs: 3,
  };
}

const ratio = (part: number, of: number) => (of === 0 ? null : part / of);

export function summary(all: Cell | null, window: Window): Summary {
  const requests = all?.requests ?? 0;
  return {
    requests,
    requestsPerMinute: requests / ((window.to - window.from) / 60_000),
    errors: all?.errors ?? 0,
    errorRate: ratio(all?.errors ?? 0, requests),
    clientErrors: all?.clientErrors ?? 0,
    clientErrorRate: ratio(all?.clientErrors ?? 0, requests),
    averageMs: all?.averageMs ?? null,
    p50Ms: all?.p50Ms ?? null,
    p95Ms: all?.p95Ms ?? null,
    p99Ms: all?.p99Ms ?? null,
    maxMs: all ? all.p99Ms * 2.3 : null,
    bytesIn: requests * 412,
    bytesOut: requests * 2_870,
  };
}

export function total({ cells }: Grid): Cell | null {
  return sum(cells.flat());
}

export function timeseries({ t, cells }: Grid): Timeseries {
  const buckets = t.map((_, at) => sum(cells.map((row) => row[at] ?? null)));
  const line = (key: keyof Cell) => buckets.map((one) => one?.[key] ?? null);
  const count = (of: (one: Cell) => number) => buckets.map((one) => (one ? of(one) : 0));
  return {
    t,
    requests: {
      '2xx': count((one) => one.requests - one.errors - one.clientErrors - one.redirects),
      '3xx': count((one) => one.redirects),
      '4xx': count((one) => one.clientErrors),
      '5xx': count((one) => one.errors),
    },
    errors: count((one) => one.errors),
    averageMs: line('averageMs'),
    p50Ms: line('p50Ms'),
    p95Ms: line('p95Ms'),
    p99Ms: line('p99Ms'),
    bytesIn: count((one) => one.requests * 412),
    bytesOut: count((one) => one.requests * 2_870),
  };
}

type Row = Pick<
  Endpoint,
  | 'requests'
  | 'share'
  | 'errors'
  | 'errorRate'
  | 'averageMs'
  | 'p50Ms'
  | 'p95Ms'
  | 'p99Ms'
  | 'lastSeen'
  | 'spark'
>;

function row(cells: readonly (Cell | null)[], one: Cell, all: number, { t }: Grid, window: Window): Row {
  return {
    requests: one.requests,
    share: ratio(one.requests, all),
    errors: one.errors,
    errorRate: ratio(one.errors, one.requests),
    averageMs: one.averageMs,
    p50Ms: one.p50Ms,
    p95Ms: one.p95Ms,
    p99Ms: one.p99Ms,
    lastSeen: new Date(window.to - 2_000).toISOString(),
    spark: {
      start: t[0] ?? window.from,
      stepMs: window.stepMs,
      values: cells.map((bucket) => bucket?.requests ?? 0),
    },
  };
}

const BY: Record<EndpointSort, (one: Endpoint) => number> = {
  requests: (one) => one.requests,
  errors: (one) => one.errors,
  errorRate: (one) => one.errorRate ?? 0,
  p95: (one) => one.p95Ms ?? 0,
  impact: (one) => one.impactMs ?? 0,
};

export function endpoints(of: Grid, window: Window, sort: EndpointSort): Endpoint[] {
  const all = total(of)?.requests ?? 0;
  return of.routes
    .flatMap((route, index): Endpoint[] => {
      const cells = of.cells[index] ?? [];
      const one = sum(cells);
      if (!one) return [];
      const { service, endpoint, method } = route;
      const own = {
        clientErrors: one.clientErrors,
        maxMs: one.p99Ms * 2.3,
        impactMs: one.requests * one.averageMs,
      };
      return [
        { service, environment: 'production', endpoint, method, ...own, ...row(cells, one, all, of, window) },
      ];
    })
    .sort((left, right) => BY[sort](right) - BY[sort](left));
}

export function services(of: Grid, window: Window): Service[] {
  const all = total(of)?.requests ?? 0;
  return [...new Set(of.routes.map((route) => route.service))]
    .flatMap((service): Service[] => {
      const rows = of.cells.filter((_, index) => of.routes[index]?.service === service);
      const cells = of.t.map((_, at) => sum(rows.map((cells) => cells[at] ?? null)));
      const one = sum(cells);
      return one ? [{ service, environment: 'production', ...row(cells, one, all, of, window) }] : [];
    })
    .sort((left, right) => right.requests - left.requests);
}

/** How each class splits into codes, largest first. */
const CODES: [number, (all: Cell) => number][] = [
  [200, (all) => (all.requests - all.errors - all.clientErrors - all.redirects) * 0.86],
  [201, (all) => (all.requests - all.errors - all.clientErrors - all.redirects) * 0.09],
  [204, (all) => (all.requests - all.errors - all.clientErrors - all.redirects) * 0.05],
  [304, (all) => all.redirects],
  [404, (all) => all.clientErrors * 0.52],
  [401, (all) => all.clientErrors * 0.31],
  [422, (all) => all.clientErrors * 0.17],
  [503, (all) => all.errors * 0.58],
  [500, (all) => all.errors * 0.36],
  [504, (all) => all.errors * 0.06],
];

export function statusCodes(all: Cell | null): StatusCode[] {
  if (!all) return [];
  return CODES.map(([status, count]) => ({ status, requests: Math.round(count(all)) }))
    .filter((one) => one.requests > 0)
    .map((one) => ({ ...one, share: ratio(one.requests, all.requests) }))
    .sort((left, right) => right.requests - left.requests);
}
