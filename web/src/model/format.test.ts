// Numbers and names as people read them.
import { expect, test } from 'vitest';
import {
  formatAbsolute,
  formatAgo,
  formatCost,
  formatCount,
  formatDuration,
  formatStretch,
  hueOf,
  initials,
  totalTokens,
  userName,
} from './format';
import { sinceTime } from './period';
import { parseTime } from './time';

test.each([
  [null, '–'],
  [-1, '–'],
  [0, '0 ms'],
  [0.05, '<0.1 ms'],
  [0.42, '0.4 ms'],
  [9.96, '10 ms'],
  [820.4, '820 ms'],
  [999.7, '1 s'],
  [1240, '1.24 s'],
  [20_000, '20 s'],
  [59_960, '1 min'],
  [125_000, '2 min 5 s'],
  [119_900, '2 min'],
  [3_600_000, '1 h'],
  [11_400_000, '3 h 10 min'],
  [187_200_000, '2 d 4 h'],
])('duration %s is %s', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected);
});

test.each([
  [2_000, 'now'],
  [-30_000, 'now'],
  [59_000, '59s ago'],
  [61_000, '1m ago'],
  [7_200_000, '2h ago'],
  [172_800_000, '2d ago'],
])('%s ms ago is %s', (age, expected) => {
  const now = Date.parse('2026-06-15T12:00:00Z');
  expect(formatAgo(now - age, now)).toBe(expected);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1234, '1.2k'],
  [9999, '10k'],
  [34_499, '34k'],
  [1_500_000, '1.5M'],
  [999_400_000, '999M'],
  [2_400_000_000, '2.4B'],
  [1_234_000_000_000, '1,234B'],
])('count %s is %s', (count, expected) => {
  expect(formatCount(count)).toBe(expected);
});

test.each([
  [0, '$0'],
  [0.00001, '<$0.0001'],
  [0.0031, '$0.0031'],
  [0.25, '$0.250'],
  [1234.5, '$1,234.50'],
])('cost %s is %s', (cost, expected) => {
  expect(formatCost(cost)).toBe(expected);
});

test('a time names its zone', () => {
  const zoneOf = (time: number) =>
    new Intl.DateTimeFormat(undefined, { timeZoneName: 'short' })
      .formatToParts(time)
      .find(({ type }) => type === 'timeZoneName')!.value;
  const time = Date.parse('2026-06-15T12:00:00Z');
  expect(formatAbsolute(time)).toContain(zoneOf(time));
  const stretch = formatStretch(time, time + 3_600_000);
  expect(stretch.split(zoneOf(time))).toHaveLength(2);
  expect(formatStretch(null, time)).toMatch(/^… – .*2026/);
  expect(formatStretch(time, time - 1)).toContain(' – ');
});

test('users', () => {
  expect(userName({ id: 'u1', name: 'John Doe' })).toBe('John Doe');
  expect(userName({ id: 'u1' })).toBe('u1');
  expect(userName({})).toBeNull();
  expect(initials('John Ronald Doe')).toBe('JD');
  expect(initials('zoë@example.com')).toBe('Z');
  expect(initials('🦊 fox')).toBe('F');
  expect(initials('…')).toBe('?');
  expect(hueOf('u1')).toBe(hueOf('u1'));
  expect(hueOf('u1')).not.toBe(hueOf('u2'));
});

test('tokens are unknown only when nobody counted', () => {
  expect(totalTokens({ input: 3, output: null })).toBe(3);
  expect(totalTokens({})).toBeNull();
  expect(totalTokens(null)).toBeNull();
});

test('times keep fractions of milliseconds', () => {
  const base = Date.parse('2026-01-01T00:00:00Z');
  expect(parseTime('2026-01-01T00:00:00.123456789Z')! - base).toBeCloseTo(123.4568, 2);
  expect(parseTime('2026-01-01T00:00:00Z')).toBe(base);
  expect(parseTime('yesterday')).toBeNull();
  expect(parseTime(null)).toBeNull();
});

test('periods', () => {
  const now = Date.parse('2026-01-02T00:00:30Z');
  expect(sinceTime('24h', now)).toBe('2026-01-01T00:00:00.000Z');
  expect(sinceTime('soon', now)).toBeUndefined();
  expect(sinceTime(undefined, now)).toBeUndefined();
});
