/** A length beside a number that says the same: decoration for screen readers. */
export function ShareBar({ share, color = 'var(--accent)' }: { share: number | null; color?: string }) {
  const width = Math.max(0, Math.min(1, share ?? 0)) * 100;
  return (
    <span className="block h-1 overflow-hidden rounded-full bg-sunken" aria-hidden="true">
      <span
        className="block h-full rounded-full"
        style={{ width: `${width}%`, minWidth: width > 0 ? 2 : 0, background: color }}
      />
    </span>
  );
}
