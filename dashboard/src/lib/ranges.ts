/** `ago` is what the API understands after "now-"; `refetchMs` is how often a range of that length is worth asking for. */
export const RANGES = {
  '15m': { label: '15 m', words: 'last 15 minutes', ago: '15m', refetchMs: 2_000 },
  '1h': { label: '1 h', words: 'last hour', ago: '1h', refetchMs: 2_000 },
  '6h': { label: '6 h', words: 'last 6 hours', ago: '6h', refetchMs: 5_000 },
  '24h': { label: '24 h', words: 'last 24 hours', ago: '24h', refetchMs: 5_000 },
  '7d': { label: '7 d', words: 'last 7 days', ago: '7d', refetchMs: 30_000 },
  '30d': { label: '30 d', words: 'last 30 days', ago: '30d', refetchMs: 30_000 },
  '12mo': { label: '12 mo', words: 'last 12 months', ago: '365d', refetchMs: 30_000 },
} as const;

export type RangeKey = keyof typeof RANGES;

export const RANGE_KEYS = Object.keys(RANGES) as RangeKey[];

/** A zoomed window lies in the past, but late events may still reach it. */
export const ZOOM_REFETCH_MS = 30_000;
