import { describe, expect, test } from 'vitest';
import { ago, bytes, compact, duration, full, latency, percent, trimmed } from './format.ts';

describe('unknown is never zero', () => {
  test.each([compact, full, percent, latency, duration])(
    '%o writes a dash for null and undefined',
    (format) => {
      expect(format(null)).toBe('–');
      expect(format(undefined)).toBe('–');
      expect(format(0)).not.toBe('–');
    },
  );
});

test.each([
  [0, '0'],
  [7, '7'],
  [0.25, '0.250'],
  [1_234, '1,234'],
  [9_999, '9,999'],
  [12_345, '12.3k'],
  [999_499, '999k'],
  [999_999, '1.00 M'],
  [1_234_567, '1.23 M'],
  [2_500_000_000, '2.50 G'],
])('compact(%d) is %s', (value, text) => expect(compact(value)).toBe(text));

test.each([
  [0, '0%'],
  [0.00001, '<0.01%'],
  [0.0123, '1.23%'],
  [0.84, '84.0%'],
  [0.99999, '>99.9%'],
  [1, '100%'],
])('percent(%d) is %s', (value, text) => expect(percent(value)).toBe(text));

test.each([
  [0, '0 ms'],
  [0.0002, '1 µs'],
  [0.85, '850 µs'],
  [0.9999, '1.00 ms'],
  [4.126, '4.13 ms'],
  [12.5, '12.5 ms'],
  [99.96, '100 ms'],
  [317.4, '317 ms'],
  [999.9, '1.00 s'],
  [1_240, '1.24 s'],
  [12_400, '12.4 s'],
])('latency(%d) is %s', (value, text) => expect(latency(value)).toBe(text));

test.each([
  [90_000, '1.50 min'],
  [7_200_000, '2.00 h'],
  [3 * 86_400_000, '3.00 d'],
])('duration(%d) is %s', (value, text) => expect(duration(value)).toBe(text));

test.each([
  ['2.00 s', '2 s'],
  ['1.50%', '1.5%'],
  ['100 ms', '100 ms'],
  ['1,000', '1,000'],
  ['10.0k', '10k'],
])('an axis writes %s as %s', (text, short) => expect(trimmed(text)).toBe(short));

test('ages and sizes', () => {
  expect(ago(10_000, 9_000)).toBe('now');
  expect(ago(0, 3_000)).toBe('3 s ago');
  expect(ago(0, 7_200_000)).toBe('2 h ago');
  expect(bytes(100)).toBe('100 B');
  expect(bytes(2048)).toBe('2.00 KiB');
});
