import { describe, expect, it } from 'vitest';
import {
  completed,
  containing,
  goesOn,
  hasCondition,
  isUnfinished,
  replacedNow,
  rootsFor,
  standOf,
  toggled,
  valueText,
  withStand,
  wordsOf,
} from './query';

describe('the word under the cursor', () => {
  it('ends at white space and parentheses, but not inside of quotes', () => {
    expect(wordsOf('a (b "c d") user:"x y"').map(({ text }) => text)).toEqual(['a', 'b', '"c d"', 'user:"x y"']);
  });
});

it('puts a completion into its place, a value with a space behind it', () => {
  expect(completed('x mod y', { from: 2, to: 5 }, 'model:')).toEqual({ query: 'x model: y', cursor: 8 });
  expect(completed('model:g', { from: 6, to: 7 }, 'gpt-4o')).toEqual({ query: 'model:gpt-4o ', cursor: 13 });
  expect(completed('(kind:a)', { from: 6, to: 7 }, 'agent')).toEqual({ query: '(kind:agent)', cursor: 11 });
});

it('uses completions of an earlier text only where that text has gone on in the same word', () => {
  expect(replacedNow('mo', { from: 0, to: 2 }, 'mod', 3)).toEqual({ from: 0, to: 3 });
  expect(replacedNow('x mo y', { from: 2, to: 4 }, 'x mode y', 6)).toEqual({ from: 2, to: 6 });
  expect(replacedNow('mo', { from: 0, to: 2 }, 'mo', 2)).toEqual({ from: 0, to: 2 });
  expect(replacedNow('x mo', { from: 2, to: 4 }, 'y mo', 4)).toBeNull();
  expect(replacedNow('mo y', { from: 0, to: 2 }, 'mo z', 4)).toBeNull();
});

it('knows what has only been begun', () => {
  for (const query of ['model:', 'latency:>', 'a "b', 'a OR', 'x -', 'status:ok|'])
    expect(isUnfinished(query), query).toBe(true);
  for (const query of ['', 'model:a', 'latency:>2s', '"a b"', 'so-called', 'FOR'])
    expect(isUnfinished(query), query).toBe(false);
});

it('quotes values that are more than a word', () => {
  expect(valueText('gpt-4o')).toBe('gpt-4o');
  expect(valueText('-x')).toBe('"-x"');
  expect(valueText('a "b" \\')).toBe('"a \\"b\\" \\\\"');
});

it('adds, widens, turns round and takes away conditions', () => {
  const one = withStand('fine', 'user', 'u 1', 'only');
  expect(one).toBe('fine user:"u 1"');
  const two = withStand(one, 'user', 'u2', 'only');
  expect(two).toBe('fine user:"u 1"|u2');
  expect(standOf(two, 'user', 'u2')).toBe('only');
  const turned = withStand(two, 'user', 'u2', 'without');
  expect(turned).toBe('fine user:"u 1" -user:u2');
  expect(standOf(turned, 'user', 'u2')).toBe('without');
  expect(withStand(withStand(turned, 'user', 'u2', null), 'user', 'u 1', null)).toBe('fine');
});

it.each([
  ['web', 'channel_id:*web*|*WEB*|*Web*'],
  ['GPT-4o', 'channel_id:*GPT-4o*|*gpt-4o*|*GPT-4O*'],
  ['12', 'channel_id:*12*'],
  ['a (b|"c") *', 'channel_id:*a*b*c*|*A*B*C*|*A*b*c*'],
])('finds the values that %s is in', (typed, condition) => expect(containing('channel_id', typed)).toBe(condition));

it('makes no condition of more than a query may have', () => {
  expect(containing('user_id', '東'.repeat(5000))).toBe(`user_id:*${'東'.repeat(200)}*`);
});

it('turns a condition on and off as it is written', () => {
  const on = toggled('fine "a b"', 'feedback.negative:>0');
  expect(on).toBe('fine "a b" feedback.negative:>0');
  expect(hasCondition(on, 'feedback.negative:>0')).toBe(true);
  expect(toggled(on, 'feedback.negative:>0')).toBe('fine "a b"');
});

describe('roots of paths', () => {
  const at = (query: string, from: number) => rootsFor(query, { from, to: query.length }, query.length);

  it('are offered before the dot is typed, where a name may stand', () => {
    expect(at('me', 0)).toEqual(['metadata.']);
    expect(at('kind:tool -cu', 11)).toEqual(['custom.']);
    expect(at('has:att', 4)).toEqual(['attributes.']);
    expect(at('', 0)).toEqual([]);
    expect(at('model:me', 6)).toEqual([]);
    expect(at('model:a|me', 8)).toEqual([]);
    expect(at('"say me', 5)).toEqual([]);
    expect(at('metadata.', 0)).toEqual([]);
  });

  it('go on with what is behind the dot', () => {
    expect(completed('me', { from: 0, to: 2 }, 'metadata.')).toEqual({ query: 'metadata.', cursor: 9 });
    expect([goesOn('metadata.'), goesOn('model:'), goesOn('e.g.')]).toEqual([true, true, false]);
    expect([isUnfinished('kind:tool metadata.'), isUnfinished('e.g.')]).toEqual([true, false]);
  });
});
