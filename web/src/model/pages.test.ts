// A fresh first page joins the list without losing rows.
import { expect, test } from 'vitest';
import { mergeFirstPage, readyPages } from './pages';

const page = (items: string, next_cursor: string | null = null) => ({ items: items.split(''), next_cursor });
const same = (id: string) => id;

test('new rows come on top, moved ones move, the rest stays', () => {
  const merged = mergeFirstPage([page('abc', '1'), page('def', '2')], page('xea', '9'), same);
  expect(merged.added).toEqual(['x']);
  expect(merged.pages).toEqual([
    { items: ['x', 'e', 'a', 'b', 'c'], next_cursor: '1' },
    { items: ['d', 'f'], next_cursor: '2' },
  ]);
});

test('a fresh page that is the whole list replaces it', () => {
  expect(mergeFirstPage([page('abc')], page('xa'), same)).toEqual({ pages: [page('xa')], added: ['x'] });
});

test('a list that outgrows its page leads on', () => {
  const merged = mergeFirstPage([page('ab')], page('xya', '7'), same);
  expect(merged.pages).toEqual([{ items: ['x', 'y', 'a'], next_cursor: '7' }]);
});

test('draws a growing trace a few times only', () => {
  expect([0, 1, 2, 3, 5, 64, 99].map((here) => readyPages(here, false))).toEqual([0, 1, 2, 2, 4, 64, 64]);
  expect(readyPages(100, true)).toBe(100);
});
