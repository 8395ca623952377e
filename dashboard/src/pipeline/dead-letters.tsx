import { useState } from 'react';
import type { DeadLetter } from '../api/types.ts';
import type { Zone } from '../lib/time.ts';
import { Icon } from '../ui/icon.tsx';
import { DeadLetterItem } from './dead-letter-item.tsx';

type Props = { tenant: string; zone: Zone; open: number; letters: DeadLetter[] };

export function DeadLetters({ tenant, zone, open, letters }: Props) {
  const [expanded, setExpanded] = useState(false);
  return (
    <section className="card overflow-hidden" aria-label="Dead letters">
      <button
        type="button"
        aria-expanded={expanded}
        onClick={() => setExpanded(!expanded)}
        className="flex w-full items-center gap-2.5 bg-warn-soft px-5 py-3 text-left text-sm -outline-offset-2"
      >
        <Icon name="warn" className="size-4 text-warn" />
        <span className="min-w-0">
          <strong className="font-semibold">
            {open === 1 ? '1 event could not be counted' : `${open} events could not be counted`}
          </strong>
          <span className="text-muted max-sm:hidden"> · waiting for a decision: replay or discard</span>
        </span>
        <span className="ml-auto flex items-center gap-1 text-muted">
          {expanded ? 'Hide' : 'Review'}
          <Icon name="chevron" className={`size-3.5 transition-transform ${expanded ? 'rotate-90' : ''}`} />
        </span>
      </button>
      {expanded && (
        <ul className="divide-y divide-line border-t border-line">
          {letters.map((letter) => (
            <DeadLetterItem key={letter.id} tenant={tenant} zone={zone} letter={letter} />
          ))}
          {open > letters.length && letters.length > 0 && (
            <li className="px-5 py-3 text-xs text-muted">
              Showing the first {letters.length} of {open}.
            </li>
          )}
        </ul>
      )}
    </section>
  );
}
