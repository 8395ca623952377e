import type { Chart } from './series.ts';

type Props = { scale: Chart['scale']; onChange: (scale: Chart['scale']) => void };

/** p50 and p99 often lie two orders of magnitude apart: only a logarithmic axis shows both. */
export function LogSwitch({ scale, onChange }: Props) {
  return (
    <button
      type="button"
      aria-pressed={scale === 'log'}
      title="Logarithmic axis"
      onClick={() => onChange(scale === 'log' ? 'linear' : 'log')}
      className="ml-1.5 rounded border border-line px-1.5 py-px text-xs text-muted transition hover:bg-hover hover:text-ink aria-pressed:border-transparent aria-pressed:bg-accent-soft aria-pressed:text-accent"
    >
      log
    </button>
  );
}
