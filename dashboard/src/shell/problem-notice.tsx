import type { Problem } from '../api/problem.ts';
import { dayAndClock, type Zone } from '../lib/time.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';

type Props = { problem: Problem; lastGood: number; zone: Zone; onRetry: () => void };

/** One calm message for the whole page; what was read before stays on screen below it. */
export function ProblemNotice({ problem, lastGood, zone, onRetry }: Props) {
  return (
    <div
      role="alert"
      data-screen="problem"
      className="mb-4 flex flex-wrap items-start gap-3 rounded-xl bg-warn-soft px-5 py-3.5 text-sm"
    >
      <Icon name="warn" className="mt-0.5 size-4 text-warn" />
      <div className="min-w-0 flex-1 basis-64">
        <p className="font-medium">{problem.message}</p>
        <p className="text-muted">
          {problem.hint}
          {lastGood > 0 && ` Showing what was read at ${dayAndClock(lastGood, zone)}.`}
        </p>
        {problem.requestId && (
          <p className="mt-0.5 text-xs text-muted">
            Request <code className="font-mono select-all">{problem.requestId}</code>
          </p>
        )}
      </div>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  );
}
