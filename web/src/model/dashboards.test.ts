import { expect, test } from 'vitest';
import type { AggregateAnswer } from '../api/types';
import { bodyOfChart, chartOf, draftOfChart, formatOf, linesOf, NEW_CHART, queryBehind } from './dashboards';

const DAY = 86_400_000;
const noon = Date.UTC(2026, 0, 2);
const bucketing = { time: 'day' as const, every: 1, length: DAY };
const draft = {
  ...NEW_CHART,
  title: 'Cost by model',
  of: 'spans' as const,
  measure: 'sum' as const,
  field: 'cost',
  by: 'model',
  q: 'kind:generation',
};

test('a chart needs a title, and a field where something is measured', () => {
  expect(chartOf(NEW_CHART)).toBeNull();
  expect(chartOf({ ...draft, field: ' ' })).toBeNull();
  expect(chartOf({ ...NEW_CHART, title: 'All' })?.aggregate).toMatchObject({
    metrics: ['count'],
    group_by: [],
    filter: {},
  });
});

test('the form of a chart is what it was made of', () => {
  for (const measure of ['sum', 'p95', 'distinct'] as const) {
    expect(draftOfChart(chartOf({ ...draft, measure })!)).toEqual({ ...draft, measure });
  }
  const count = { ...draft, measure: 'count' as const, field: '' };
  expect(draftOfChart(chartOf(count)!)).toEqual(count);
});

test('the time is the first group of a line, and none of a number', () => {
  const filter = { after: 'a', before: 'b', channel_id: 'web' };
  const line = bodyOfChart(chartOf(draft)!, filter, bucketing, '+00:00');
  expect(line.group_by).toEqual([
    { time: 'day', every: 1, offset: '+00:00' },
    { field: 'model', top: 8 },
  ]);
  expect(line.filter).toEqual({ q: 'kind:generation', ...filter });
  const number = bodyOfChart(chartOf({ ...draft, shownAs: 'number' })!, filter, bucketing, '+00:00');
  expect([number.group_by, number.previous]).toEqual([[], true]);
});

test('each group is a line over all times, the greatest first', () => {
  const row = (time: number, group: string, value: number | null) => ({
    group: [new Date(time).toISOString(), group],
    count: 1,
    values: [value],
  });
  const answer = {
    items: [row(noon, 'a', 1), row(noon, 'b', 5), row(noon + DAY, 'b', 2), row(noon, 'unpriced', null)],
  } as unknown as AggregateAnswer;
  const span = { from: noon, to: noon + DAY, length: DAY };
  const lines = linesOf(answer, chartOf(draft)!.aggregate, span, 0);
  expect(lines.groups).toEqual(['b', 'a']);
  expect(lines.columns.series).toEqual([
    [5, 2],
    [1, 0],
  ]);
});

test('what is behind a point is a query', () => {
  expect(queryBehind(draft, { channel_id: 'web app', after: 'x' }, 'gpt-4o')).toBe(
    'kind:generation channel_id:"web app" model:gpt-4o',
  );
  expect(queryBehind({ ...draft, q: 'a OR b', by: '' }, { user_id: 'u' }, null)).toBe('(a OR b) user_id:u');
  expect(queryBehind(NEW_CHART, {}, null)).toBe('');
});

test('a value is read as what it is', () => {
  expect(formatOf(draft)(1.5)).toBe('$1.50');
  expect(formatOf({ ...draft, field: 'duration_ms', measure: 'p95' })(1500)).toBe('1.5 s');
  expect(formatOf({ ...draft, measure: 'error_share' })(0.25)).toBe('25 %');
});
