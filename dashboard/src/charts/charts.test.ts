import { describe, expect, test } from 'vitest';
import type { Timeseries } from '../api/types.ts';
import { drawSeries } from './draw-series.ts';
import { type Buckets, errorRateChart, latencyChart, requestsChart } from './series.ts';
import { tooltip } from './tooltip.ts';
import { zoomWindow } from './zoom.ts';

const MINUTE = 60_000;
const T0 = Date.UTC(2026, 10, 23, 12);

const DATA: Timeseries = {
  t: [T0, T0 + MINUTE, T0 + 2 * MINUTE],
  requests: { '2xx': [90, 0, 40], '5xx': [10, 0, 0], '3xx': [0, 0, 0] },
  errors: [10, 0, 0],
  averageMs: [5, null, 6],
  p50Ms: [4, null, 5],
  p95Ms: [9, null, 8],
  p99Ms: [20, null, 12],
  bytesIn: [0, 0, 0],
  bytesOut: [0, 0, 0],
};

const BUCKETS: Buckets = { t: DATA.t, step: '1m', completeThrough: T0 + 2.5 * MINUTE };

test('only status classes that occur are drawn, failures on top', () => {
  expect(requestsChart(DATA).series.map((one) => one.id)).toEqual(['2xx', '5xx']);
});

test('a bucket without requests has no error rate', () => {
  expect(errorRateChart(DATA).series[0]?.values).toEqual([0.1, null, 0]);
});

test('the bucket that is still filling is drawn faintly', () => {
  const [series] = requestsChart(DATA).series;
  if (!series) throw new Error('no series');
  const drawn = drawSeries(series, BUCKETS, (color) => color);
  expect(drawn).toMatchObject({ type: 'bar', data: [{}, {}, { itemStyle: { opacity: 0.4 } }] });
});

test('many buckets become an area', () => {
  const [series] = requestsChart(DATA).series;
  if (!series) throw new Error('no series');
  const t = Array.from({ length: 300 }, (_, index) => T0 + index * MINUTE);
  expect(drawSeries(series, { ...BUCKETS, t }, (color) => color).type).toBe('line');
});

describe('the tooltip', () => {
  test('names the bucket, the classes and their sum', () => {
    const html = tooltip([{ dataIndex: 0 }], requestsChart(DATA), BUCKETS, 'utc');
    expect(html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')).toBe(
      ' 23 Nov, 12:00 – 12:01 5xx 10 2xx 90 all 100 ',
    );
  });

  test('says that a bucket is still filling, and that a value is unknown', () => {
    expect(tooltip([{ dataIndex: 2 }], requestsChart(DATA), BUCKETS, 'utc')).toContain('so far');
    expect(tooltip([{ dataIndex: 1 }], latencyChart(DATA, 'linear'), BUCKETS, 'utc')).toContain('<b>–</b>');
  });
});

describe('zoom', () => {
  const t = Array.from({ length: 60 }, (_, index) => T0 + index * MINUTE);

  test('takes whole buckets, in whichever direction one drags', () => {
    const window = { from: T0 + 10 * MINUTE, to: T0 + 21 * MINUTE };
    expect(zoomWindow({ ...BUCKETS, t }, T0 + 9.8 * MINUTE, T0 + 20.3 * MINUTE)).toEqual(window);
    expect(zoomWindow({ ...BUCKETS, t }, T0 + 20.3 * MINUTE, T0 + 9.8 * MINUTE)).toEqual(window);
  });

  test('is never narrower than five minutes', () => {
    const window = { from: T0 + 6 * MINUTE, to: T0 + 11 * MINUTE };
    expect(zoomWindow({ ...BUCKETS, t }, T0 + 10 * MINUTE, T0 + 10.1 * MINUTE)).toEqual(window);
  });

  test('of nothing is nothing', () => expect(zoomWindow({ ...BUCKETS, t: [] }, 1, 2)).toBeNull());
});
