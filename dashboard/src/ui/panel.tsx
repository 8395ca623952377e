import { type ReactNode, useId } from 'react';

type Props = { title: string; note?: ReactNode; actions?: ReactNode; busy?: boolean; children: ReactNode };

/** A titled card. `busy` dims what belongs to the previous choice until the new answer is here. */
export function Panel({ title, note, actions, busy = false, children }: Props) {
  const id = useId();
  return (
    <section className="card min-w-0" aria-labelledby={id} aria-busy={busy}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 pt-4 pb-3 md:px-5">
        <h2 id={id} className="text-base font-semibold">
          {title}
        </h2>
        {note && <span className="text-xs text-muted">{note}</span>}
        {actions && <div className="ml-auto">{actions}</div>}
      </header>
      <div className={`transition-opacity duration-200 ${busy ? 'opacity-50' : ''}`}>{children}</div>
    </section>
  );
}
