import { expect, it } from 'vitest';
import { byColumn, ENTITY_METRICS, entityRows, METRIC_OF, namesOf } from './entities';

const answer = (items: { count: number; group: (string | null)[]; values: (number | null)[] }[]) => ({
  items,
  left_out: 0,
  matched: 3,
  truncated: false,
  truncated_by: [],
  timed_out: false,
  percentile_error: 0.01,
});

it('reads the sums of each, and leaves out what has no id', () => {
  const rows = entityRows(
    answer([
      { count: 2, group: ['u1'], values: [0.5, 10, null, 1, 0] },
      { count: 1, group: [null], values: [0, 0, 0, 0, 0] },
    ]),
  );
  expect(rows).toEqual([{ id: 'u1', conversations: 2, errors: 0.5, tokens: 10, cost: null, positive: 1, negative: 0 }]);
  expect(entityRows(answer([{ count: 2, group: [], values: [0, 1, 2, 0, 0] }]))[0]).toMatchObject({ id: '', cost: 2 });
});

it('asks for those who have the most of the column that the list is in the order of', () => {
  expect(ENTITY_METRICS[METRIC_OF.cost ?? -1]).toEqual({ sum: { field: 'cost' } });
  expect(ENTITY_METRICS[METRIC_OF.tokens ?? -1]).toEqual({ sum: { field: 'usage.total' } });
  expect(ENTITY_METRICS[METRIC_OF.errors ?? -1]).toBe('error_share');
  expect(ENTITY_METRICS[METRIC_OF.feedback ?? -1]).toEqual({ sum: { field: 'feedback.negative' } });
});

it('puts the highest first, and those without a value last', () => {
  const rows = entityRows(
    answer([
      { count: 9, group: ['none'], values: [0, null, null, 0, 0] },
      { count: 1, group: ['much'], values: [0, 5, 3, 0, 2] },
      { count: 1, group: ['free'], values: [0, 5, 0, 0, 0] },
    ]),
  );
  expect(rows.toSorted(byColumn('cost')).map(({ id }) => id)).toEqual(['much', 'free', 'none']);
  expect(rows.toSorted(byColumn('feedback'))[0]?.id).toBe('much');
});

it('takes for the name of a user the one that is told most often', () => {
  const names = namesOf(
    answer([
      { count: 5, group: ['u1', 'Ada'], values: [] },
      { count: 3, group: ['u2', null], values: [] },
      { count: 1, group: ['u1', 'A.'], values: [] },
    ]),
  );
  expect([...names]).toEqual([['u1', 'Ada']]);
});
