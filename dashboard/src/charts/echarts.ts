// The only file that imports ECharts, and only the parts in use: it is most of what a first visit downloads.
import { BarChart, type BarSeriesOption, LineChart, type LineSeriesOption } from 'echarts/charts';
import {
  GridComponent,
  type GridComponentOption,
  TooltipComponent,
  type TooltipComponentOption,
} from 'echarts/components';
import { type ComposeOption, connect, type ECharts, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export type SeriesOption = BarSeriesOption | LineSeriesOption;
export type ChartOption = ComposeOption<
  BarSeriesOption | LineSeriesOption | GridComponentOption | TooltipComponentOption
>;
export type { ECharts };

const GROUP = 'overview';

/** Charts of one group share their crosshair. */
export function initChart(host: HTMLElement): ECharts {
  const chart = init(host);
  chart.group = GROUP;
  connect(GROUP);
  return chart;
}
