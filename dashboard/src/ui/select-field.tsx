import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';

type Props = { label: string; value: string; onChange: (value: string) => void; children: ReactNode };

/** The native select, with its arrow drawn like the rest of the page. */
export function SelectField({ label, value, onChange, children }: Props) {
  return (
    <label className="relative inline-flex items-center">
      <span className="sr-only">{label}</span>
      <select
        className="field max-w-48 cursor-pointer appearance-none truncate pr-8"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        {children}
      </select>
      <Icon name="down" className="pointer-events-none absolute right-2 size-4 text-muted" />
    </label>
  );
}
