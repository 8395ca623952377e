import { expect, test } from 'vitest';
import { pointsDelta, relativeDelta } from './delta.ts';

test('more traffic is neither good nor bad', () => {
  expect(relativeDelta(112, 100, 'neutral')).toEqual({ text: '12%', direction: 'up', tone: 'neutral' });
});

test('slower is worse, faster is better', () => {
  expect(relativeDelta(120, 100, 'higher-is-worse')).toMatchObject({ direction: 'up', tone: 'bad' });
  expect(relativeDelta(80, 100, 'higher-is-worse')).toMatchObject({ direction: 'down', tone: 'good' });
});

test('rates differ in percentage points', () => {
  expect(pointsDelta(0.034, 0.01, 'higher-is-worse')).toEqual({
    text: '2.4 pp',
    direction: 'up',
    tone: 'bad',
  });
  expect(pointsDelta(0.01, 0, 'higher-is-worse')).toMatchObject({ tone: 'bad' });
});

test('a wobble is told but not judged', () => {
  expect(relativeDelta(102, 100, 'higher-is-worse')).toMatchObject({ text: '2.0%', tone: 'neutral' });
  expect(relativeDelta(100.1, 100, 'higher-is-worse')).toMatchObject({ text: 'no change' });
});

test('beyond tenfold it is a multiple', () => {
  expect(relativeDelta(1_400, 100, 'neutral')?.text).toBe('×14');
});

test('an unknown side, or growth from nothing, has no percentage', () => {
  expect(relativeDelta(null, 100, 'neutral')).toBeNull();
  expect(relativeDelta(100, null, 'neutral')).toBeNull();
  expect(relativeDelta(100, 0, 'neutral')).toBeNull();
  expect(pointsDelta(0.1, null, 'neutral')).toBeNull();
});
