import type { Service } from '../api/types.ts';
import { compact, full, percent } from '../lib/format.ts';
import { Panel } from '../ui/panel.tsx';
import { ShareBar } from '../ui/share-bar.tsx';
import { SkeletonRows } from '../ui/skeleton-rows.tsx';

/** From here on an error rate is written in the colour of trouble. */
const TROUBLE = 0.01;

type Props = {
  services: Service[] | undefined;
  busy: boolean;
  chosen: string | null;
  onChoose: (service: string | null) => void;
};

export function ServicesPanel({ services, busy, chosen, onChoose }: Props) {
  return (
    <Panel title="Services" busy={busy}>
      {services ? (
        <ul className="px-2 pb-3">
          {services.map((one) => (
            <li key={`${one.service} ${one.environment}`}>
              <Row one={one} isChosen={one.service === chosen} onChoose={onChoose} />
            </li>
          ))}
          {services.length === 0 && (
            <li className="px-3 pb-2 text-sm text-muted">No requests in this range.</li>
          )}
        </ul>
      ) : (
        <SkeletonRows count={4} />
      )}
    </Panel>
  );
}

function Row({ one, isChosen, onChoose }: { one: Service; isChosen: boolean; onChoose: Props['onChoose'] }) {
  const trouble = (one.errorRate ?? 0) >= TROUBLE;
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      title={isChosen ? 'Show all services' : `Show only ${one.service}`}
      onClick={() => onChoose(isChosen ? null : one.service)}
      className="block w-full rounded-lg px-3 py-2 text-left transition-colors hover:bg-hover aria-pressed:bg-accent-soft"
    >
      <span className="flex items-baseline gap-2 text-sm">
        <span className="truncate font-medium">{one.service}</span>
        {one.environment && <span className="truncate text-xs text-muted">{one.environment}</span>}
        <span className="ml-auto" title={`${full(one.requests)} requests`}>
          {compact(one.requests)}
        </span>
        <span
          className={`w-14 text-right text-xs ${trouble ? 'font-medium text-bad' : 'text-muted'}`}
          title={`${full(one.errors)} errors`}
        >
          {percent(one.errorRate)}
          <span className="sr-only"> errors</span>
        </span>
      </span>
      <span className="mt-1.5 block">
        <ShareBar share={one.share} />
      </span>
    </button>
  );
}
