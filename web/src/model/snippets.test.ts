import { expect, it } from 'vitest';
import { hitsOf, piecesOf } from './snippets';
import { span } from './testing';

it('marks what was found, whatever the ranges are', () => {
  expect(piecesOf({ snippet: 'a fine day', ranges: [[2, 6]] })).toEqual([
    { text: 'a ', found: false },
    { text: 'fine', found: true },
    { text: ' day', found: false },
  ]);
  expect(
    piecesOf({
      snippet: 'ab',
      ranges: [
        [1, 1],
        [0, 2],
        [1, 2],
      ],
    }),
  ).toEqual([{ text: 'ab', found: true }]);
});

it('shows the same words once', () => {
  const of = (id: string, snippet: string) => ({ trace_id: 't', span_id: id, snippet, ranges: [] });
  const hits = hitsOf([
    { items: [span('a'), span('b')], highlights: [of('a', 'x'), of('b', 'y')] },
    { items: [span('c'), span('d'), span('e')], highlights: [of('c', 'x'), null, null] },
  ]);
  expect(hits.map((hit) => [hit.span.span_id, ...hit.also.map((each) => each.span_id)])).toEqual([
    ['a', 'c'],
    ['b'],
    ['d'],
    ['e'],
  ]);
});
