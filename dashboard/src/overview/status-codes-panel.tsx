import type { StatusCode } from '../api/types.ts';
import { classColor, classOf } from '../charts/status-classes.ts';
import { compact, full, percent } from '../lib/format.ts';
import { Panel } from '../ui/panel.tsx';
import { ShareBar } from '../ui/share-bar.tsx';
import { SkeletonRows } from '../ui/skeleton-rows.tsx';

const SHOWN = 10;

export function StatusCodesPanel({ codes, busy }: { codes: StatusCode[] | undefined; busy: boolean }) {
  return (
    <Panel title="Status codes" busy={busy}>
      {codes ? (
        <ul className="space-y-2.5 px-5 pb-5">
          {codes.slice(0, SHOWN).map((one) => (
            <li key={one.status}>
              <div className="flex items-baseline gap-2 text-sm">
                {/* Status 0: the connection ended before any response was sent. */}
                <span className="font-medium">{one.status || 'No response'}</span>
                <span className="ml-auto" title={`${full(one.requests)} requests`}>
                  {compact(one.requests)}
                </span>
                <span className="w-14 text-right text-xs text-muted">{percent(one.share)}</span>
              </div>
              <div className="mt-1">
                <ShareBar share={one.share} color={classColor(classOf(one.status))} />
              </div>
            </li>
          ))}
          {codes.length === 0 && <li className="text-sm text-muted">No requests in this range.</li>}
          {codes.length > SHOWN && <li className="text-xs text-muted">and {codes.length - SHOWN} more</li>}
        </ul>
      ) : (
        <SkeletonRows count={5} />
      )}
    </Panel>
  );
}
