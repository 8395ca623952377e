import { bucketName, stepMs, type Zone } from '../lib/time.ts';
import type { Buckets, Chart } from './series.ts';

/** The part of what ECharts hands to a formatter that is used here. */
type Point = { dataIndex?: number };

/**
 * ECharts wants HTML. Nothing in it comes from events: names are ours, values are formatted numbers.
 */
export function tooltip(points: Point | Point[], chart: Chart, buckets: Buckets, zone: Zone): string {
  const at = (Array.isArray(points) ? points[0] : points)?.dataIndex;
  const start = at === undefined ? undefined : buckets.t[at];
  if (at === undefined || start === undefined) return '';
  const filling = start + stepMs(buckets.step) > buckets.completeThrough ? ' · so far' : '';
  const isStack = chart.series[0]?.look === 'stack';
  // A stack reads from its top; lines come in the order of the legend.
  const rows = (isStack ? chart.series.toReversed() : chart.series).map((series) =>
    row(series.name, series.color, chart.as(series.values[at] ?? null)),
  );
  const total = chart.series.reduce((sum, series) => sum + (series.values[at] ?? 0), 0);
  const foot = isStack && chart.series.length > 1 ? row('all', 'transparent', chart.as(total)) : '';
  const title = bucketName(start, buckets.step, zone) + filling;
  return `<section class="chart-tip"><header>${title}</header>${rows.join('')}${foot}</section>`;
}

function row(name: string, color: string, value: string): string {
  return `<div><i style="background:${color}"></i><span>${name}</span><b>${value}</b></div>`;
}
