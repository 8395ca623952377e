import type { Endpoint } from '../api/types.ts';

/** Every word must occur somewhere: "post orders" finds POST /orders of any service. */
export function matching(rows: readonly Endpoint[], filter: string): readonly Endpoint[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = `${row.method} ${row.endpoint} ${row.service} ${row.environment ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
