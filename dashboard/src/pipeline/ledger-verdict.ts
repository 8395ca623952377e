import type { Ledger } from '../api/types.ts';
import { full } from '../lib/format.ts';

/** The ledger in one phrase. Only a ledger that closes and waits for nobody is calm. */
export function ledgerVerdict({ residual, closes, deadLetters }: Ledger): { calm: boolean; words: string } {
  if (!closes || residual !== 0) {
    const size = Math.abs(residual);
    const events = `${full(size)} ${size === 1 ? 'event' : 'events'}`;
    return {
      calm: false,
      words: `does not close: ${events} ${residual > 0 ? 'unaccounted for' : 'too many'}`,
    };
  }
  if (deadLetters.open > 0)
    return { calm: false, words: `closes exactly, ${full(deadLetters.open)} to decide` };
  return { calm: true, words: 'closes exactly' };
}
