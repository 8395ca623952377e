import { useQuery } from '@tanstack/react-query';
import { servicesQuery } from '../api/queries.ts';
import { RANGE_KEYS, RANGES } from '../lib/ranges.ts';
import { localZone, spanName } from '../lib/time.ts';
import type { SetView } from '../state/use-view.ts';
import type { View } from '../state/view.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { LiveIndicator } from './live-indicator.tsx';
import { ServiceFilter } from './service-filter.tsx';
import { TenantPicker } from './tenant-picker.tsx';
import { ThemeSwitch } from './theme-switch.tsx';
import { Wordmark } from './wordmark.tsx';

const RANGE_OPTIONS = RANGE_KEYS.map((value) => ({
  value,
  label: RANGES[value].label,
  title: RANGES[value].words,
}));

type Props = {
  view: View;
  setView: SetView;
  live: { failing: boolean; updatedAt: number };
  showControls: boolean;
};

export function Header({ view, setView, live, showControls }: Props) {
  const zones = [
    { value: 'local', label: 'Local', title: localZone() },
    { value: 'utc', label: 'UTC' },
  ] as const;
  // Shares the page's own query; `enabled: false` only listens.
  const services = useQuery({ ...servicesQuery(view), enabled: false });
  return (
    <header className="pb-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 py-4">
        <Wordmark />
        <span className="h-5 w-px bg-line-strong" aria-hidden="true" />
        <TenantPicker tenant={view.tenant} onChange={(tenant) => setView({ tenant, service: null })} />
        <div className="ml-auto flex flex-wrap items-center gap-2">
          <Segmented legend="Time zone" options={zones} value={view.tz} onChange={(tz) => setView({ tz })} />
          <ThemeSwitch />
        </div>
      </div>
      {showControls && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-3">
          <h1 className="text-xl font-semibold tracking-[-0.02em]">Overview</h1>
          <LiveIndicator
            {...live}
            paused={view.paused}
            fixed={view.zoom !== null}
            onToggle={() => setView({ paused: !view.paused }, 'replace')}
          />
          <div className="flex flex-wrap items-center gap-2 sm:ml-auto">
            {view.zoom && (
              <Button onClick={() => setView({ zoom: null })} title="Back to the range chosen before">
                <Icon name="reset" className="size-3.5" />
                <span className="sr-only">Reset zoom: </span>
                {spanName(view.zoom.from, view.zoom.to, view.tz)}
                <span className="text-muted" aria-hidden="true">
                  · reset zoom
                </span>
              </Button>
            )}
            <ServiceFilter
              service={view.service}
              known={services.data?.data.map((one) => one.service) ?? []}
              onChange={(service) => setView({ service })}
            />
            <Segmented
              legend="Time range"
              options={RANGE_OPTIONS}
              value={view.zoom ? null : view.range}
              onChange={(range) => setView({ range, zoom: null })}
            />
          </div>
        </div>
      )}
    </header>
  );
}
