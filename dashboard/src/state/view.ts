import type { EndpointSort } from '../api/types.ts';
import { RANGES, type RangeKey } from '../lib/ranges.ts';

export type Zoom = { from: number; to: number };

/** Everything the page shows that a person chose: the URL's query and nothing else holds it. */
export type View = {
  tenant: string;
  range: RangeKey;
  zoom: Zoom | null;
  service: string | null;
  tz: 'local' | 'utc';
  sort: EndpointSort;
  filter: string;
  /** Of the latency axis; logarithmic keeps p50 readable beside p99. */
  scale: 'linear' | 'log';
  paused: boolean;
};

export const DEFAULT_VIEW: View = {
  tenant: 'default',
  range: '1h',
  zoom: null,
  service: null,
  tz: 'local',
  sort: 'requests',
  filter: '',
  scale: 'linear',
  paused: false,
};

const SORTS: readonly EndpointSort[] = ['requests', 'errors', 'errorRate', 'p95', 'impact'];

/** A hand-edited or outdated address falls back field by field; it never breaks the page. */
export function parseView(search: string): View {
  const params = new URLSearchParams(search);
  const range = params.get('range');
  const sort = params.get('sort');
  return {
    tenant: params.get('tenant') || DEFAULT_VIEW.tenant,
    range: range !== null && Object.hasOwn(RANGES, range) ? (range as RangeKey) : DEFAULT_VIEW.range,
    zoom: parseZoom(params.get('from'), params.get('to')),
    service: params.get('service') || null,
    tz: params.get('tz') === 'utc' ? 'utc' : 'local',
    sort: SORTS.find((known) => known === sort) ?? DEFAULT_VIEW.sort,
    filter: params.get('filter') ?? '',
    scale: params.get('scale') === 'log' ? 'log' : 'linear',
    paused: params.get('live') === 'off',
  };
}

/** Defaults are left out, so that a fresh page has a clean address. */
export function viewSearch(view: View): string {
  const params = new URLSearchParams();
  if (view.tenant !== DEFAULT_VIEW.tenant) params.set('tenant', view.tenant);
  if (view.range !== DEFAULT_VIEW.range) params.set('range', view.range);
  if (view.zoom) {
    params.set('from', String(view.zoom.from));
    params.set('to', String(view.zoom.to));
  }
  if (view.service) params.set('service', view.service);
  if (view.tz !== DEFAULT_VIEW.tz) params.set('tz', view.tz);
  if (view.sort !== DEFAULT_VIEW.sort) params.set('sort', view.sort);
  if (view.filter) params.set('filter', view.filter);
  if (view.scale !== DEFAULT_VIEW.scale) params.set('scale', view.scale);
  if (view.paused) params.set('live', 'off');
  const text = params.toString();
  return text ? `?${text}` : '';
}

function parseZoom(from: string | null, to: string | null): Zoom | null {
  const [start, end] = [Number(from ?? Number.NaN), Number(to ?? Number.NaN)];
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start < end
    ? { from: start, to: end }
    : null;
}
