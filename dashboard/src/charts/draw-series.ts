import { stepMs } from '../lib/time.ts';
import type { Resolve } from './colors.ts';
import type { SeriesOption } from './echarts.ts';
import type { Buckets, Series } from './series.ts';

/** Above this many buckets bars are thinner than a pixel and flicker; a stepped area shows the same. */
const MOST_BARS = 200;

export function drawSeries(series: Series, buckets: Buckets, resolve: Resolve): SeriesOption {
  const color = resolve(series.color);
  const data = buckets.t.map((at, index): [number, number | null] => [at, series.values[index] ?? null]);
  const common = { id: series.id, name: series.name, color, silent: true } as const;
  if (series.look === 'stack' && buckets.t.length <= MOST_BARS) {
    const end = stepMs(buckets.step);
    return {
      ...common,
      type: 'bar',
      stack: 'all',
      barCategoryGap: buckets.t.length > 80 ? '8%' : '22%',
      // The bucket that is still filling is drawn faintly: its height is not a drop in traffic.
      data: data.map(([at, value]) => ({
        value: [at, value],
        ...(at + end > buckets.completeThrough ? { itemStyle: { opacity: 0.4 } } : {}),
      })),
    };
  }
  if (series.look === 'stack') {
    const area = { type: 'line', stack: 'all', step: 'middle', showSymbol: false } as const;
    return { ...common, ...area, data, lineStyle: { width: 0 }, areaStyle: { color, opacity: 1 } };
  }
  return {
    ...common,
    type: 'line',
    data,
    symbol: 'circle',
    showAllSymbol: true,
    // A value with nothing on either side has no line to lie on; without its dot it would be invisible.
    symbolSize: (_, { dataIndex }) => (isAlone(series.values, dataIndex) ? 5 : 0),
    lineStyle: { width: 1.75, ...(series.look === 'dashed' ? { type: [4, 3], width: 1.5 } : {}) },
    ...(series.look === 'area' ? { areaStyle: { color, opacity: 0.13 } } : {}),
  };
}

function isAlone(values: Series['values'], at: number): boolean {
  return values[at] != null && values[at - 1] == null && values[at + 1] == null;
}
