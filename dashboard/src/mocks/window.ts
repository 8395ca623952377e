import type { Meta } from '../api/types.ts';

const UNIT: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export const STEPS: Record<Meta['step'], number> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
  '1mo': 30 * 86_400_000,
};

export type Window = { from: number; to: number; step: Meta['step']; stepMs: number };

function instant(text: string | null, fallback: number, now: number): number {
  if (text === null) return fallback;
  const back = /^now(?:-(\d+)([mhd]))?$/.exec(text);
  if (back) return now - Number(back[1] ?? 0) * (UNIT[back[2] ?? ''] ?? 0);
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}

/** Reads `from` and `to` as docs/API.md says, and takes the first step with at most 200 points. */
export function windowOf(params: URLSearchParams, now: number): Window {
  const to = instant(params.get('to'), now, now);
  const asked = instant(params.get('from'), now - 86_400_000, now);
  const entries = Object.entries(STEPS) as [Meta['step'], number][];
  const [step, stepMs] = entries.find(([, ms]) => (to - asked) / ms <= 200) ?? ['1mo', 30 * 86_400_000];
  return { from: Math.floor(asked / stepMs) * stepMs, to, step, stepMs };
}

export function starts({ from, to, stepMs }: Window): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / stepMs)) }, (_, i) => from + i * stepMs);
}
