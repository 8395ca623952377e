import { queryOptions } from '@tanstack/react-query';
import { RANGES } from '../lib/ranges.ts';
import type { View } from '../state/view.ts';
import { api, unwrap } from './client.ts';
import type { EndpointSort } from './types.ts';

/** Rows the endpoint table asks for; the API counts the rest. */
export const ENDPOINT_ROWS = 50;

type Scope = Pick<View, 'tenant' | 'range' | 'zoom' | 'tz' | 'service'>;

/** The parameters every analytics read takes. Open ranges stay words ("now-1h"): the server's clock decides. */
function readParams({ tenant, range, zoom, tz, service }: Scope) {
  const zone = tz === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const window = zoom
    ? { from: String(zoom.from), to: String(zoom.to) }
    : { from: `now-${RANGES[range].ago}`, to: 'now' };
  return { tenant, ...window, tz: zone, ...(service ? { service } : {}) };
}

/**
 * While a new range loads, the old answer stays on screen. Never across tenants: that would show one
 * customer's numbers under another's name.
 */
function isOf(tenant: string, query: { queryKey: readonly unknown[] } | undefined): boolean {
  return query?.queryKey[1] === tenant;
}

export function summaryQuery(scope: Scope) {
  const query = readParams(scope);
  return queryOptions({
    queryKey: ['summary', scope.tenant, query] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/summary', { params: { query }, signal })),
    placeholderData: (previous, query) => (isOf(scope.tenant, query) ? previous : undefined),
  });
}

export function timeseriesQuery(scope: Scope) {
  const query = readParams(scope);
  return queryOptions({
    queryKey: ['timeseries', scope.tenant, query] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/timeseries', { params: { query }, signal })),
    placeholderData: (previous, query) => (isOf(scope.tenant, query) ? previous : undefined),
  });
}

export function endpointsQuery(scope: Scope, sort: EndpointSort) {
  const query = { ...readParams(scope), sort, limit: ENDPOINT_ROWS };
  return queryOptions({
    queryKey: ['endpoints', scope.tenant, query] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/endpoints', { params: { query }, signal })),
    placeholderData: (previous, query) => (isOf(scope.tenant, query) ? previous : undefined),
  });
}

export function statusCodesQuery(scope: Scope) {
  const query = readParams(scope);
  return queryOptions({
    queryKey: ['status-codes', scope.tenant, query] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/status-codes', { params: { query }, signal })),
    placeholderData: (previous, query) => (isOf(scope.tenant, query) ? previous : undefined),
  });
}

/** Not narrowed by the service filter: this list is also what the filter chooses from. */
export function servicesQuery(scope: Scope) {
  const query = readParams({ ...scope, service: null });
  return queryOptions({
    queryKey: ['services', scope.tenant, query] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/services', { params: { query }, signal })),
    placeholderData: (previous, query) => (isOf(scope.tenant, query) ? previous : undefined),
  });
}

export function tenantsQuery() {
  return queryOptions({
    queryKey: ['tenants'] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/tenants', { signal })),
    staleTime: 60_000,
  });
}
