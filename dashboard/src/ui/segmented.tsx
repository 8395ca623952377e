import { type ReactNode, useId } from 'react';

type Option<Value extends string> = { value: Value; label: ReactNode; title?: string };

type Props<Value extends string> = {
  legend: string;
  options: readonly Option<Value>[];
  /** Null when none applies, as for a range while a zoomed window is shown. */
  value: Value | null;
  onChange: (value: Value) => void;
};

/** Radio buttons drawn as one control: arrow keys, names and grouping come with the native elements. */
export function Segmented<Value extends string>({ legend, options, value, onChange }: Props<Value>) {
  const name = useId();
  return (
    <fieldset className="flex h-8 min-w-0 items-stretch rounded-lg bg-sunken p-0.5">
      <legend className="sr-only">{legend}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          title={option.title}
          className="relative flex min-w-8 cursor-pointer items-center justify-center rounded-md px-2.5 text-sm whitespace-nowrap text-muted transition-colors hover:text-ink has-checked:bg-raised has-checked:font-medium has-checked:text-ink has-checked:shadow-[0_1px_2px_rgb(0_0_0/0.12)] has-focus-visible:outline-2 has-focus-visible:outline-accent max-sm:px-2"
        >
          <input
            type="radio"
            name={name}
            className="absolute inset-0 cursor-pointer appearance-none rounded-md outline-none"
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
