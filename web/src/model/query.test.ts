import { describe, expect, it } from 'vitest';
import { completed, fieldsFor, isUnfinished, standOf, typingAt, valueText, withStand, wordsOf } from './query';

describe('the word under the cursor', () => {
  it('ends at white space and parentheses, but not inside of quotes', () => {
    expect(wordsOf('a (b "c d") user:"x y"').map(({ text }) => text)).toEqual(['a', 'b', '"c d"', 'user:"x y"']);
  });
  it('is a field until there is a colon', () => {
    expect(typingAt('fine mod', 8)).toMatchObject({ field: null, begun: 'mod', from: 5 });
    expect(typingAt('fine -model:gpt', 15)).toMatchObject({ field: 'model', begun: 'gpt', negated: true, from: 12 });
    expect(typingAt('status:ok|er', 12)).toMatchObject({ field: 'status', begun: 'er', from: 10 });
    expect(typingAt('fine ', 5)).toMatchObject({ field: null, begun: '', from: 5 });
  });
  it('takes a colon in quotes for text', () => {
    expect(typingAt('"a:b', 4).field).toBeNull();
  });
});

it('completes fields without and values with a space behind them', () => {
  expect(completed('x mod y', typingAt('x mod y', 5), 'model:')).toEqual({ query: 'x model: y', cursor: 8 });
  expect(completed('model:g', typingAt('model:g', 7), 'gpt-4o')).toEqual({ query: 'model:gpt-4o ', cursor: 13 });
});

it('offers fields that begin with what is typed before those that contain it', () => {
  expect(fieldsFor('to').map(({ name }) => name)).toEqual([
    'tool',
    'tokens',
    'input_tokens',
    'output_tokens',
    'cached_tokens',
  ]);
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
