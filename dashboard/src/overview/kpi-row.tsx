import type { Summary } from '../api/types.ts';
import { NOTHING } from '../lib/format.ts';
import { DeltaTag } from '../ui/delta-tag.tsx';
import { Value } from '../ui/value.tsx';
import { type Kpi, kpis } from './kpis.ts';

const NAMES = ['Requests', 'Error rate', '4xx rate', 'Average', 'p50', 'p95', 'p99'];

type Props = { summary: Summary | undefined; previous: Summary | undefined; busy: boolean; failed: boolean };

export function KpiRow({ summary, previous, busy, failed }: Props) {
  const figures = summary && previous ? kpis(summary, previous) : null;
  return (
    <section className="card overflow-hidden" aria-label="Key figures" aria-busy={busy}>
      <dl
        className={`grid grid-cols-2 gap-px bg-line transition-opacity duration-200 md:grid-cols-4 xl:grid-cols-7 ${busy ? 'opacity-50' : ''}`}
      >
        {NAMES.map((name, index) => (
          <div key={name} className="bg-surface px-5 py-4 first:col-span-2 xl:first:col-span-1">
            <dt className="text-sm text-muted">{name}</dt>
            <dd className="mt-1 min-h-14">
              <Figure kpi={figures?.[index]} failed={failed} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Figure({ kpi, failed }: { kpi: Kpi | undefined; failed: boolean }) {
  if (!kpi) {
    // Unread is not unknown: without an answer there is no figure to claim "no requests" about.
    if (failed) return <span className="text-2xl text-faint">{NOTHING}</span>;
    return <div className="skeleton my-1 h-11 w-24" aria-hidden="true" />;
  }
  return (
    <>
      <Value
        of={kpi.value}
        as={kpi.as}
        {...(kpi.title ? { title: kpi.title } : {})}
        className="block text-[1.625rem]/8 font-semibold tracking-[-0.025em]"
      />
      <span className="mt-1 flex min-h-5 items-center gap-2 text-xs text-muted">
        {kpi.delta && <DeltaTag delta={kpi.delta} />}
        {kpi.note && <span>{kpi.note}</span>}
      </span>
    </>
  );
}
