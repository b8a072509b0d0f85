// Charts show every stretch of the period, those without anything too.
import { expect, test } from 'vitest';
import { bucketingOf, changeOf, columnsOf, earlierOf, measured, stretchAt } from './buckets';

const HOUR = 3_600_000;
const noon = Date.UTC(2026, 0, 1, 12);
const row = (time: number, count: number) => ({
  group: [new Date(time).toISOString()],
  count,
  values: [[count, 2 * count]],
});

test('gaps are filled and times are in order', () => {
  const span = { from: noon - 2.5 * HOUR, to: noon + HOUR / 2, length: HOUR };
  const columns = columnsOf([row(noon, 3), row(noon - 2 * HOUR, 1)], (each) => [each.count], 1, span, 0);
  expect(columns.series).toEqual([[1, 0, 3]]);
  expect(columns.times[2]).toBe(noon / 1000);
});

test('percentiles are read one by one', () => {
  expect(measured(row(noon, 3), 0, 1)).toBe(6);
  expect(measured(row(noon, 3), 1)).toBeNull();
});

test('periods have readable numbers of buckets', () => {
  expect(bucketingOf('7d')).toEqual({ time: 'hour', every: 6, length: 6 * HOUR });
  expect(bucketingOf('24h').time).toBe('hour');
});

test('changes', () => {
  expect(changeOf(12, 10)).toBe('+20 %');
  expect(changeOf(5, 10)).toBe('−50 %');
  expect(changeOf(5, 0)).toBeNull();
});

test('the time before stands at the buckets of now', () => {
  const times = [noon / 1000, (noon + HOUR) / 1000];
  const rows = [row(noon - 23 * HOUR, 5)];
  expect(earlierOf(rows, (each) => [each.count], 0, times, 24 * HOUR, 0)).toEqual([0, 5]);
});

test('a point stands for the time up to the next one, the last for as long as the first', () => {
  expect(stretchAt([10, 20, 35], 1)).toEqual({ from: 20_000, to: 35_000 });
  expect(stretchAt([10, 20, 35], 2)).toEqual({ from: 35_000, to: 45_000 });
  expect(stretchAt([10, 20, 35], 3)).toBeNull();
});
