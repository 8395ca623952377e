import type { Series } from './series.ts';

type Props = {
  series: readonly Series[];
  hidden: ReadonlySet<string>;
  onChange: (hidden: ReadonlySet<string>) => void;
};

/** A switch per series: with p99 off, the axis fits the rest. */
export function Legend({ series, hidden, onChange }: Props) {
  const toggle = (id: string) => {
    const next = new Set(hidden);
    if (!next.delete(id)) next.add(id);
    onChange(next);
  };
  return (
    <fieldset className="flex flex-wrap">
      <legend className="sr-only">Shown series</legend>
      {series.map(({ id, name, color }) => (
        <button
          key={id}
          type="button"
          aria-pressed={!hidden.has(id)}
          onClick={() => toggle(id)}
          className="flex items-center gap-1.5 rounded px-1.5 py-0.5 text-xs text-muted transition hover:bg-hover hover:text-ink aria-[pressed=false]:line-through aria-[pressed=false]:opacity-50"
        >
          <span className="size-2 rounded-[2px]" style={{ background: color }} aria-hidden="true" />
          {name}
        </button>
      ))}
    </fieldset>
  );
}
