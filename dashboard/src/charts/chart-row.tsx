import { useMemo } from 'react';
import type { Meta, Timeseries } from '../api/types.ts';
import type { Zone } from '../lib/time.ts';
import type { Zoom } from '../state/view.ts';
import { ChartCard } from './chart-card.tsx';
import { LogSwitch } from './log-switch.tsx';
import { bucketsOf, type Chart, errorRateChart, latencyChart, requestsChart } from './series.ts';

const TITLES = ['Requests', 'Error rate', 'Latency'] as const;

type Props = {
  answer: { data: Timeseries; meta: Meta } | undefined;
  zone: Zone;
  busy: boolean;
  scale: Chart['scale'];
  onScale: (scale: Chart['scale']) => void;
  onZoom: (zoom: Zoom) => void;
};

/** The three questions side by side: how much, what fails, what is slow. One crosshair through all. */
export function ChartRow({ answer, zone, busy, scale, onScale, onZoom }: Props) {
  const drawn = useMemo(() => {
    if (!answer) return null;
    const { data, meta } = answer;
    return {
      buckets: bucketsOf(data, meta),
      charts: [requestsChart(data), errorRateChart(data), latencyChart(data, scale)],
    };
  }, [answer, scale]);
  return (
    <div className="grid gap-4 lg:grid-cols-3">
      {TITLES.map((title, index) => {
        const chart = drawn?.charts[index];
        const ready = drawn && chart ? { chart, buckets: drawn.buckets } : null;
        const log = title === 'Latency' && <LogSwitch scale={scale} onChange={onScale} />;
        return (
          <ChartCard
            actions={log}
            key={title}
            title={title}
            ready={ready}
            zone={zone}
            busy={busy}
            onZoom={onZoom}
          />
        );
      })}
    </div>
  );
}
