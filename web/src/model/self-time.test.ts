// Self time is what the children leave; the critical path is what the end waited for.
import { expect, test } from 'vitest';
import { criticalPath, selfTimes } from './self-time';
import { buildTree } from './steps';
import { span } from './testing';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const timed = (id: string, parent: string | null, from: number, to: number) =>
  span(id, { parent_id: parent, start_time: at(from), end_time: at(to) });

test('children that overlap are counted once, and never beyond their parent', () => {
  const times = selfTimes(
    buildTree([timed('a', null, 0, 10), timed('b', 'a', 1, 4), timed('c', 'a', 3, 5), timed('d', 'a', 9, 20)]),
  );
  expect(times.get('a')).toBe(5000);
  expect(times.get('b')).toBe(3000);
});

test('the path goes back through the children that ended last', () => {
  const roots = buildTree([
    timed('a', null, 0, 10),
    timed('early', 'a', 0, 3),
    timed('beside', 'a', 1, 5),
    timed('last', 'a', 4, 10),
    timed('inner', 'last', 6, 9),
  ]);
  expect([...criticalPath(roots)].sort()).toEqual(['a', 'early', 'inner', 'last']);
});
