import type { Ledger, Meta } from '../api/types.ts';
import { compact, full, latency } from '../lib/format.ts';
import { Icon } from '../ui/icon.tsx';
import { ledgerVerdict } from './ledger-verdict.ts';

type Props = { ledger: Ledger | undefined; meta: Meta | undefined };

/** The page's last line is its proof: every received event is somewhere. */
export function LedgerStrip({ ledger, meta }: Props) {
  if (!ledger) return <footer className="py-6" />;
  const verdict = ledgerVerdict(ledger);
  const { open, discarded } = ledger.deadLetters;
  return (
    <footer className="flex flex-wrap items-center gap-x-5 gap-y-1.5 py-6 text-xs text-muted">
      <p
        className={`flex items-start gap-2 ${verdict.calm ? '' : '-mx-3 rounded-lg bg-warn-soft px-3 py-1.5 text-ink'}`}
        role="status"
      >
        <Icon
          name={verdict.calm ? 'check' : 'warn'}
          className={`mt-px size-3.5 ${verdict.calm ? 'text-good' : 'text-warn'}`}
        />
        <span>
          received <Figure of={ledger.received} /> = counted <Figure of={ledger.counted} /> + duplicates{' '}
          <Figure of={ledger.duplicates} /> + conflicts <Figure of={ledger.conflicts} /> + dead letters{' '}
          <Figure of={open + discarded} /> · <strong className="font-medium text-ink">{verdict.words}</strong>
        </span>
      </p>
      <p className="ml-auto flex flex-wrap gap-x-5">
        {ledger.queue && (
          <span title={`${full(ledger.queue.unacknowledged)} being counted`}>{queueWords(ledger.queue)}</span>
        )}
        {(ledger.parked?.ready ?? 0) > 0 && <span>parked {full(ledger.parked?.ready)}</span>}
        {(meta?.late ?? 0) > 0 && <span>late {full(meta?.late)}</span>}
        {(meta?.sdkDropped ?? 0) > 0 && <span>dropped by SDKs {full(meta?.sdkDropped)}</span>}
        {meta && <span>percentiles within {(meta.percentileMaxRelError * 100).toFixed(1)}%</span>}
      </p>
    </footer>
  );
}

function Figure({ of }: { of: number }) {
  return <span className="text-ink">{full(of)}</span>;
}

function queueWords({ ready, oldestAgeMs }: NonNullable<Ledger['queue']>): string {
  if (ready === 0) return 'queue empty';
  return `${compact(ready)} queued${oldestAgeMs === null ? '' : `, oldest ${latency(oldestAgeMs)}`}`;
}
