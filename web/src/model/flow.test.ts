import { expect, test } from 'vitest';
import { batchesOf, conversationsQuery } from './flow';

test('conversations are asked for a few at a time, by ids of any kind', () => {
  expect(batchesOf([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(batchesOf([], 2)).toEqual([]);
  expect(conversationsQuery(['conv_1', 'a b', '"x"'])).toBe('conversation:conv_1|"a b"|"\\"x\\""');
});
