import { describe, expect, test } from 'vitest';
import type { Ledger } from '../api/types.ts';
import { indented } from './event-text.ts';
import { ledgerVerdict } from './ledger-verdict.ts';

const CLOSED: Ledger = {
  received: 12_345,
  counted: 12_340,
  duplicates: 5,
  conflicts: 0,
  deadLetters: { open: 0, discarded: 0, replayed: 0 },
  rawRefused: 0,
  residual: 0,
  closes: true,
  queue: { ready: 0, unacknowledged: 0, oldestAgeMs: null },
  parked: null,
};

describe('the ledger', () => {
  test('is calm when it closes', () => {
    expect(ledgerVerdict(CLOSED)).toEqual({ calm: true, words: 'closes exactly' });
  });

  test('warns of a residual', () => {
    expect(ledgerVerdict({ ...CLOSED, residual: 1, closes: false }).words).toBe(
      'does not close: 1 event unaccounted for',
    );
    expect(ledgerVerdict({ ...CLOSED, residual: -2, closes: false }).words).toBe(
      'does not close: 2 events too many',
    );
  });

  test('warns of open dead letters even though it closes', () => {
    const open = { ...CLOSED, deadLetters: { open: 3, discarded: 0, replayed: 0 } };
    expect(ledgerVerdict(open)).toEqual({ calm: false, words: 'closes exactly, 3 to decide' });
  });
});

describe('the text of an event', () => {
  test('is indented', () => {
    expect(indented('{"a": [1,{"b":"x, {y}"}],"c":{ },"d":[]}')).toBe(
      '{\n  "a": [\n    1,\n    {\n      "b": "x, {y}"\n    }\n  ],\n  "c": { },\n  "d": []\n}',
    );
  });

  test('keeps numbers and repeated names exactly as they were sent', () => {
    expect(indented('{"n":12345678901234567890,"n":1e400}')).toBe(
      '{\n  "n": 12345678901234567890,\n  "n": 1e400\n}',
    );
  });

  test('that is not JSON stays untouched', () => {
    expect(indented('{"a": tru')).toBe('{"a": tru');
  });
});
