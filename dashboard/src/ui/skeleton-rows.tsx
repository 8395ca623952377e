const ROWS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

export function SkeletonRows({ count }: { count: number }) {
  return (
    <div className="space-y-3 px-5 pb-5" aria-hidden="true">
      {ROWS.slice(0, count).map((row, index) => (
        <div key={row} className="skeleton h-5" style={{ width: `${96 - index * 5}%` }} />
      ))}
    </div>
  );
}
