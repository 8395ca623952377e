const WIDTH = 88;
const HEIGHT = 24;

/** A shape, not a chart: the numbers it stands for are in the row. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const peak = Math.max(...values, 1);
  const stride = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    const y = HEIGHT - 2 - (value / peak) * (HEIGHT - 4);
    return `${(index * stride).toFixed(1)} ${y.toFixed(1)}`;
  });
  if (points.length < 2) return null;
  const line = `M${points.join('L')}`;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="h-6 w-22 text-accent" aria-hidden="true">
      <path d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} className="fill-current opacity-10" />
      <path d={line} className="fill-none stroke-current" strokeWidth="1.25" strokeLinejoin="round" />
    </svg>
  );
}
