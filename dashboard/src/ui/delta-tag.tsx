import type { Delta } from '../lib/delta.ts';

const TONE = { good: 'text-good', bad: 'text-bad', neutral: 'text-muted' } as const;
const ARROW = { up: 'M2 7 5 3l3 4z', down: 'M2 3 5 7l3-4z', same: 'M2 4.4h6v1.2H2z' } as const;
const SIDE = { up: 'up ', down: 'down ', same: '' } as const;
const VERDICT = { good: ', better', bad: ', worse', neutral: '' } as const;

/** A change against the period before; the arrow carries the direction, so colour is never alone. */
export function DeltaTag({ delta }: { delta: Delta }) {
  return (
    <span
      className={`inline-flex items-center gap-0.5 font-medium whitespace-nowrap ${TONE[delta.tone]}`}
      title="against the same length of time just before"
    >
      <svg viewBox="0 0 10 10" className="size-2.5 fill-current" aria-hidden="true">
        <path d={ARROW[delta.direction]} />
      </svg>
      <span className="sr-only">{SIDE[delta.direction]}</span>
      {delta.text}
      <span className="sr-only">{VERDICT[delta.tone]} against the period before</span>
    </span>
  );
}
