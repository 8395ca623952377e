import { ROUTES, type Route } from './catalog.ts';
import { noise } from './random.ts';
import { starts, type Window } from './window.ts';

/** What one endpoint did in one bucket. */
export type Cell = {
  requests: number;
  errors: number;
  clientErrors: number;
  redirects: number;
  averageMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
};

/** The shop opened 200 days ago: a year's view shows the time before as unknown, not as zero latency. */
const OPENED_DAYS_AGO = 200;

/** Traffic of a day: quiet at four in the morning, busiest in the evening. */
function dayShape(at: number): number {
  const hour = (at % 86_400_000) / 3_600_000;
  return 0.62 + 0.38 * Math.sin(((hour - 10) / 24) * 2 * Math.PI) + 0.1 * Math.sin((hour / 12) * 2 * Math.PI);
}

/** Part of every window, the payment provider is slow and fails: something to find on each range. */
function incident(at: number, window: Window, now: number): number {
  const place = (at - window.from) / Math.max(1, Math.min(now, window.to) - window.from);
  return place > 0.58 && place < 0.7 ? Math.sin(((place - 0.58) / 0.12) * Math.PI) : 0;
}

export function cell(route: Route, at: number, window: Window, now: number): Cell | null {
  if (at < now - OPENED_DAYS_AGO * 86_400_000) return null;
  const minutes = Math.max(0, Math.min(window.stepMs, now - at)) / 60_000;
  const own = ROUTES.indexOf(route);
  const jitter = 0.85 + 0.3 * noise(at / 1000, own);
  const requests = Math.round(route.weight * minutes * (window.stepMs > 3e7 ? 0.65 : dayShape(at)) * jitter);
  if (requests <= 0) return null;
  const trouble = ['payments', 'orders'].includes(route.service) ? incident(at, window, now) : 0;
  const rate =
    route.errorRate * (0.6 + 0.8 * noise(at / 1000, own, 1)) +
    trouble * (route.service === 'payments' ? 0.34 : 0.12);
  // The fraction left over is an error with that chance, so that rare errors do occur.
  const errors = Math.floor(requests * rate + noise(at / 1000, own, 2));
  const clientErrors = Math.floor(requests * route.clientErrorRate + noise(at / 1000, own, 3));
  const slow = 1 + trouble * 3.5;
  const wobble = 0.92 + 0.16 * noise(at / 1000, own, 4);
  const p50Ms = route.p50Ms * wobble * (1 + trouble * 0.8);
  return {
    requests,
    errors: Math.min(requests, errors),
    clientErrors: Math.min(requests - Math.min(requests, errors), clientErrors),
    redirects: Math.floor(requests * 0.012),
    averageMs: p50Ms * 1.32 * (1 + trouble),
    p50Ms,
    p95Ms: p50Ms * 3.1 * slow,
    p99Ms: p50Ms * 6.4 * slow * (0.9 + 0.3 * noise(at / 1000, own, 5)),
  };
}

/** Adds cells up: counts exactly, percentiles as weighted means, which is near enough for a mock. */
export function sum(cells: readonly (Cell | null)[]): Cell | null {
  const known = cells.filter((one) => one !== null);
  const requests = known.reduce((total, one) => total + one.requests, 0);
  if (requests === 0) return null;
  const count = (key: keyof Cell) => known.reduce((total, one) => total + one[key], 0);
  const mean = (key: keyof Cell, power: number) =>
    (known.reduce((total, one) => total + one[key] ** power * one.requests, 0) / requests) ** (1 / power);
  return {
    requests,
    errors: count('errors'),
    clientErrors: count('clientErrors'),
    redirects: count('redirects'),
    averageMs: mean('averageMs', 1),
    p50Ms: mean('p50Ms', 0.5),
    p95Ms: mean('p95Ms', 1.6),
    p99Ms: mean('p99Ms', 1.9),
  };
}

export type Grid = { routes: readonly Route[]; t: number[]; cells: (Cell | null)[][] };

/** Every endpoint's every bucket: `cells[route][bucket]`. */
export function grid(window: Window, service: string | null, now: number): Grid {
  const routes = ROUTES.filter((one) => service === null || one.service === service);
  const t = starts(window);
  return { routes, t, cells: routes.map((one) => t.map((at) => cell(one, at, window, now))) };
}
