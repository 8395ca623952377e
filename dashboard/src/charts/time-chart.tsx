import { useEffect, useRef } from 'react';
import type { Zone } from '../lib/time.ts';
import { useShownTheme } from '../state/theme.ts';
import type { Zoom } from '../state/view.ts';
import { colorResolver } from './colors.ts';
import { DragZoom } from './drag-zoom.tsx';
import { drawChart } from './draw-chart.ts';
import { type ECharts, initChart } from './echarts.ts';
import type { Buckets, Chart } from './series.ts';
import { zoomWindow } from './zoom.ts';

export type TimeChartProps = { chart: Chart; buckets: Buckets; zone: Zone; onZoom: (zoom: Zoom) => void };

/** The canvas. Effects are right here: ECharts is a system outside React that must follow the props. */
export function TimeChart({ chart, buckets, zone, onZoom }: TimeChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<ECharts>(null);
  const hovered = useRef(false);
  const theme = useShownTheme();

  useEffect(() => {
    if (!host.current) return;
    const drawn = initChart(host.current);
    canvas.current = drawn;
    const resized = new ResizeObserver(() => drawn.resize());
    resized.observe(host.current);
    return () => {
      resized.disconnect();
      drawn.dispose();
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a theme changes what the colours resolve to.
  useEffect(() => {
    if (!host.current) return;
    const resolve = colorResolver(host.current);
    const option = drawChart({ chart, buckets, zone, resolve, isHovered: () => hovered.current });
    // Series are replaced by id: a class that stops occurring leaves, the rest is updated in place.
    canvas.current?.setOption(option, { replaceMerge: ['series', 'yAxis'] });
  }, [chart, buckets, zone, theme]);

  const select = (left: number, right: number) => {
    const at = (x: number) => Number(canvas.current?.convertFromPixel({ xAxisIndex: 0 }, x));
    const zoom = zoomWindow(buckets, at(left), at(right));
    if (zoom) onZoom(zoom);
  };
  return (
    <DragZoom onSelect={select} onHover={(inside) => (hovered.current = inside)}>
      <div ref={host} className="h-full w-full" />
    </DragZoom>
  );
}
