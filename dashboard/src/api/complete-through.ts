import type { Meta } from './types.ts';

/** Epoch milliseconds up to which an answer is final. When the queue cannot be asked, its end has to do. */
export function completeThrough({ to, completeThrough: known }: Meta): number {
  return known === null ? Date.parse(to) : Math.min(Date.parse(to), Date.parse(known));
}
