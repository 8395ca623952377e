import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { deadLetterQuery } from '../api/pipeline-queries.ts';
import { asProblem } from '../api/problem.ts';
import type { DeadLetter } from '../api/types.ts';
import { bytes } from '../lib/format.ts';
import { dayAndClock, type Zone } from '../lib/time.ts';
import { Button } from '../ui/button.tsx';
import { DiscardForm } from './discard-form.tsx';
import { indented } from './event-text.ts';
import { useDecision } from './use-decision.ts';

type Props = { tenant: string; zone: Zone; letter: DeadLetter };

export function DeadLetterItem({ tenant, zone, letter }: Props) {
  const [discarding, setDiscarding] = useState(false);
  const stored = useQuery(deadLetterQuery(tenant, letter.id));
  const { replay, discard, problem, isPending } = useDecision(tenant, letter.id);
  return (
    <li className="grid gap-x-6 gap-y-3 px-5 py-4 text-sm lg:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <code className="rounded bg-sunken px-1.5 py-px font-mono text-xs">{letter.reason}</code>
          {letter.field && <code className="font-mono text-xs text-muted">{letter.field}</code>}
        </p>
        {letter.message && <p className="mt-1.5 [overflow-wrap:anywhere]">{letter.message}</p>}
        <p className="mt-1 text-xs text-muted">
          {[letter.service, dayAndClock(Date.parse(letter.recordedAt), zone), bytes(letter.bytes)]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {discarding ? (
          <DiscardForm isPending={isPending} onCancel={() => setDiscarding(false)} onDiscard={discard} />
        ) : (
          <div className="mt-3 flex flex-wrap gap-2">
            <Button
              disabled={isPending || !letter.replayable}
              title={
                letter.replayable
                  ? 'Count the stored event now'
                  : 'The event is refused as it is; correct and replay it through the API'
              }
              onClick={replay}
            >
              Replay
            </Button>
            <Button look="quiet" disabled={isPending} onClick={() => setDiscarding(true)}>
              Discard…
            </Button>
          </div>
        )}
        {problem && (
          <p role="alert" className="mt-2 text-xs text-bad">
            {problem.message} {problem.hint}
          </p>
        )}
      </div>
      <pre className="max-h-44 overflow-auto rounded-lg bg-sunken px-4 py-3 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">
        {stored.data
          ? indented(stored.data.data.event)
          : stored.error
            ? asProblem(stored.error).message
            : 'Reading the event…'}
      </pre>
    </li>
  );
}
