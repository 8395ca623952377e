import { expect, test } from 'vitest';
import { DEFAULT_VIEW, parseView, type View, viewSearch } from './view.ts';

const EVERYTHING: View = {
  tenant: 'acme & sons',
  range: '12mo',
  zoom: { from: 1_700_000_000_000, to: 1_700_000_600_000 },
  service: 'orders/eu',
  tz: 'utc',
  sort: 'p95',
  filter: 'post /orders/:id',
  scale: 'log',
  paused: true,
};

test('what is written is what is read', () => {
  expect(parseView(viewSearch(EVERYTHING))).toEqual(EVERYTHING);
  expect(parseView(viewSearch(DEFAULT_VIEW))).toEqual(DEFAULT_VIEW);
});

test('a fresh page has a clean address', () => {
  expect(viewSearch(DEFAULT_VIEW)).toBe('');
});

test.each([
  '?range=fortnight&sort=name&tz=mars&scale=cubic',
  '?range=toString',
  '?from=100&to=50',
  '?from=abc&to=1',
  '?from=100',
  '?tenant=&service=',
])('%s falls back to the defaults', (search) => {
  expect(parseView(search)).toEqual(DEFAULT_VIEW);
});
