import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import type { Zone } from '../lib/time.ts';
import type { Zoom } from '../state/view.ts';
import { ChartTable } from './chart-table.tsx';
import { Legend } from './legend.tsx';
import type { Buckets, Chart } from './series.ts';

// The figures and the table are on screen before the chart library has arrived.
const TimeChart = lazy(() => import('./time-chart.tsx').then((loaded) => ({ default: loaded.TimeChart })));

type Props = {
  title: string;
  ready: { chart: Chart; buckets: Buckets } | null;
  actions: ReactNode;
  zone: Zone;
  busy: boolean;
  onZoom: (zoom: Zoom) => void;
};

export function ChartCard({ title, ready, actions, zone, busy, onZoom }: Props) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const visible = useMemo(
    () => ready && { ...ready.chart, series: ready.chart.series.filter((one) => !hidden.has(one.id)) },
    [ready, hidden],
  );
  return (
    <figure className="card min-w-0 px-5 pt-4 pb-3" aria-label={ready?.chart.label ?? title} aria-busy={busy}>
      <figcaption className="flex min-h-6 flex-wrap items-center justify-between gap-x-4">
        <h2 className="text-base font-semibold">{title}</h2>
        <span className="-mr-1.5 flex flex-wrap items-center">
          {ready && ready.chart.series.length > 1 && (
            <Legend series={ready.chart.series} hidden={hidden} onChange={setHidden} />
          )}
          {actions}
        </span>
      </figcaption>
      <div
        className={`mt-2 h-52 transition-opacity duration-200 ${busy ? 'opacity-50' : ''}`}
        aria-hidden="true"
      >
        {ready && visible ? (
          <Suspense fallback={<ChartSkeleton />}>
            <TimeChart chart={visible} buckets={ready.buckets} zone={zone} onZoom={onZoom} />
          </Suspense>
        ) : (
          <ChartSkeleton />
        )}
      </div>
      {ready && <ChartTable chart={ready.chart} buckets={ready.buckets} zone={zone} />}
    </figure>
  );
}

function ChartSkeleton() {
  return <div className="skeleton h-full" />;
}
