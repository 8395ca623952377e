import { NOTHING_TITLE } from '../lib/format.ts';

type Props = {
  of: number | null | undefined;
  /** Writes the number; it also writes the "–" for one that is unknown. */
  as: (value: number | null | undefined) => string;
  title?: string;
  className?: string;
};

/** A number that may be unknown. Why it is unknown is in the title and in words for screen readers. */
export function Value({ of, as, title, className = '' }: Props) {
  if (of == null) {
    return (
      <span className={`text-faint ${className}`} title={NOTHING_TITLE}>
        <span aria-hidden="true">{as(null)}</span>
        <span className="sr-only">{NOTHING_TITLE}</span>
      </span>
    );
  }
  return (
    <span className={className} title={title}>
      {as(of)}
    </span>
  );
}
