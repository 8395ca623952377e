import { trimmed } from '../lib/format.ts';
import { clock, day, stepMs, type Zone } from '../lib/time.ts';
import type { Resolve } from './colors.ts';
import { drawSeries } from './draw-series.ts';
import type { ChartOption } from './echarts.ts';
import type { Buckets, Chart } from './series.ts';
import { tooltip } from './tooltip.ts';

const DAY_MS = 86_400_000;

type Input = {
  chart: Chart;
  buckets: Buckets;
  zone: Zone;
  resolve: Resolve;
  /** Only the chart under the pointer speaks; the others just move their crosshair. */
  isHovered: () => boolean;
};

export function drawChart({ chart, buckets, zone, resolve, isHovered }: Input): ChartOption {
  const half = stepMs(buckets.step) / 2;
  const first = buckets.t[0] ?? 0;
  const last = buckets.t.at(-1) ?? first;
  const label = { color: resolve('var(--faint)'), fontSize: 11, fontFamily: 'inherit' };
  return {
    animation: false,
    useUTC: zone === 'utc',
    grid: {
      left: 4,
      right: 10,
      top: 10,
      bottom: 2,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      type: 'time',
      min: first - half,
      max: last + half,
      splitNumber: 4,
      axisLabel: {
        ...label,
        hideOverlap: true,
        showMinLabel: false,
        formatter: timeLabel(last - first, zone),
      },
      axisLine: { lineStyle: { color: resolve('var(--line-strong)') } },
      axisTick: { show: false },
    },
    yAxis: {
      ...yScale(chart),
      axisLabel: { ...label, formatter: (value: number) => (value === 0 ? '0' : trimmed(chart.as(value))) },
      splitLine: { lineStyle: { color: resolve('var(--line)') } },
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      padding: [8, 12],
      backgroundColor: resolve('var(--raised)'),
      borderColor: resolve('var(--line-strong)'),
      borderWidth: 1,
      extraCssText: 'border-radius:8px;box-shadow:0 6px 20px rgb(0 0 0/.14)',
      axisPointer: {
        type: 'line',
        animation: false,
        lineStyle: { color: resolve('var(--faint)'), type: 'solid', width: 1 },
      },
      formatter: (points) => (isHovered() ? tooltip(points, chart, buckets, zone) : ''),
    },
    series: chart.series.map((one) => drawSeries(one, buckets, resolve)),
  };
}

function yScale({ scale, atLeast }: Chart) {
  const max = (extent: { max: number }) => (extent.max > atLeast ? null : atLeast);
  if (scale === 'log') return { type: 'log', logBase: 10, max } as const;
  return { type: 'value', min: 0, max, splitNumber: 3 } as const;
}

/** Clock times within two days, dates beyond; midnight always names its day. */
function timeLabel(span: number, zone: Zone): (at: number) => string {
  return (at) => {
    if (span > 200 * DAY_MS) return day(at, zone).replace(/^\d+ /, '');
    if (span > 2 * DAY_MS) return day(at, zone);
    const time = clock(at, zone);
    return time === '00:00' ? day(at, zone) : time;
  };
}
