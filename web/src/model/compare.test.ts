import { expect, test } from 'vitest';
import { differenceText, numberText, type Row, rowsOf } from './compare';

const same = (left: string) => ({ same: true, left, right: null });
const pair = (left: string | null, right: string | null) => ({ same: false, left, right });

const shown = (row: Row) =>
  row.type === 'same' ? row.items.join('') : row.type === 'fork' ? '|' : `${row.left ?? ''}/${row.right ?? ''}`;

test('what is the same is one row, what only one side has stands beside the other', () => {
  const pairs = [same('a'), same('b'), pair('c', null), pair('d', null), pair(null, 'x'), same('e'), pair('f', 'g')];
  expect(rowsOf({ pairs, fork: 2 }).map(shown)).toEqual(['ab', '|', 'c/x', 'd/', 'e', 'f/g']);
});

test('where they differ from the first item on there is no place to mark', () => {
  expect(rowsOf({ pairs: [pair('a', 'b')], fork: 0 }).map(shown)).toEqual(['a/b']);
  expect(rowsOf({ pairs: [], fork: null })).toEqual([]);
});

test('numbers with their unit, and the difference with its share', () => {
  expect(numberText('duration_ms', 1240)).toBe('1.24 s');
  expect(numberText('cost', null)).toBe('–');
  expect(differenceText({ name: 'cost', left: 0.02, right: 0.01 })).toBe('−$0.010 (−50 %)');
  expect(differenceText({ name: 'turns', left: 0, right: 3 })).toBe('+3');
  expect(differenceText({ name: 'turns', left: 2, right: 31 })).toBe('+29 (16×)');
  expect(differenceText({ name: 'turns', left: 3, right: 3 })).toBe('=');
  expect(differenceText({ name: 'turns', left: null, right: 3 })).toBeNull();
});
