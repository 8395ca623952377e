import { ChartRow } from '../charts/chart-row.tsx';
import { EndpointsPanel } from '../endpoints/endpoints-panel.tsx';
import { DeadLetters } from '../pipeline/dead-letters.tsx';
import { LedgerStrip } from '../pipeline/ledger-strip.tsx';
import type { SetView } from '../state/use-view.ts';
import type { View } from '../state/view.ts';
import { KpiRow } from './kpi-row.tsx';
import { ServicesPanel } from './services-panel.tsx';
import { StatusCodesPanel } from './status-codes-panel.tsx';
import type { useOverview } from './use-overview.ts';

type Props = { view: View; setView: SetView; overview: ReturnType<typeof useOverview> };

/** Left to right and top to bottom: how much, what fails, what is slow; then where. */
export function OverviewPage({ view, setView, overview }: Props) {
  const { summary, timeseries, endpoints, statusCodes, services, ledger, deadLetters, openLetters } =
    overview;
  return (
    <>
      <main className="flex-1 space-y-4">
        {openLetters > 0 && (
          <DeadLetters
            tenant={view.tenant}
            zone={view.tz}
            open={openLetters}
            letters={deadLetters.data?.data ?? []}
          />
        )}
        <KpiRow
          summary={summary.data?.data}
          previous={summary.data?.previous}
          busy={summary.isPlaceholderData}
          failed={summary.isError}
        />
        <ChartRow
          answer={timeseries.data}
          zone={view.tz}
          busy={timeseries.isPlaceholderData}
          scale={view.scale}
          onScale={(scale) => setView({ scale }, 'replace')}
          onZoom={(zoom) => setView({ zoom })}
        />
        <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_19rem]">
          <EndpointsPanel
            answer={endpoints.data}
            busy={endpoints.isPlaceholderData}
            sort={view.sort}
            filter={view.filter}
            onSort={(sort) => setView({ sort })}
            onFilter={(filter) => setView({ filter }, 'replace')}
          />
          <div className="grid content-start gap-4 md:grid-cols-2 xl:grid-cols-1">
            <ServicesPanel
              services={services.data?.data}
              busy={services.isPlaceholderData}
              chosen={view.service}
              onChoose={(service) => setView({ service })}
            />
            <StatusCodesPanel codes={statusCodes.data?.data} busy={statusCodes.isPlaceholderData} />
          </div>
        </div>
      </main>
      <LedgerStrip ledger={ledger.data?.data} meta={summary.data?.meta} />
    </>
  );
}
