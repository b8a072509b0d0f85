// A fresh first page joins the list without losing rows.
import { expect, test } from 'vitest';
import type { Page, Transcript } from '../api/types';
import { joinTranscript, mergeFirstPage, readyPages } from './pages';

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

test('a list that is left open at its top does not hold all that has come in', () => {
  const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(to - 1 - n));
  let pages: Page<string>[] = [{ items: rows(0, 50), next_cursor: '0' }];
  let most = 0;
  for (let to = 60; to <= 5_000; to += 10) {
    pages = mergeFirstPage(pages, { items: rows(to - 50, to), next_cursor: `${to - 50}` }, same, true).pages;
    most = Math.max(most, pages[0]!.items.length);
    const { items, next_cursor } = pages[0]!;
    expect(items).toEqual(rows(Number(next_cursor), to));
  }
  expect(most).toBeLessThan(520);
  const below = mergeFirstPage(
    [{ items: rows(0, 900), next_cursor: '0' }],
    { items: rows(890, 940), next_cursor: '890' },
    same,
  );
  expect(below.pages[0]!.items).toEqual(rows(0, 940));
});

test('draws a growing trace a few times only', () => {
  expect([0, 1, 2, 3, 5, 64, 99].map((here) => readyPages(here, false))).toEqual([0, 1, 2, 2, 4, 64, 64]);
  expect(readyPages(100, true)).toBe(100);
});

test('pages of a conversation are one, each turn once, with what the last page says of the whole', () => {
  const turns = (ids: string, part: object = {}) =>
    ({
      conversation: { turns: ids.length },
      metadata: {},
      turns: ids.split('').map((id) => ({ trace_id: id, span_id: null })),
      ...part,
    }) as unknown as Transcript;
  expect(joinTranscript([])).toBeNull();
  const joined = joinTranscript([
    turns('ab', { metadata: { a: 1, b: 1 }, custom: { plan: 'pro' } }),
    turns('bc', { metadata: { b: 2 }, custom: null }),
  ]);
  expect(joined?.turns.map((turn) => turn.trace_id)).toEqual(['a', 'b', 'c']);
  expect(joined).toMatchObject({ metadata: { a: 1, b: 2 }, custom: { plan: 'pro' }, conversation: { turns: 2 } });
});
