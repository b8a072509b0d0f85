import { expect, test } from 'vitest';
import { NO_PRICE, priceDraft, pricedKinds, priceOf, rivalOf, sinceOf, tokensOf, withPrice } from './prices';

test('a price needs a model, and what comes in or out', () => {
  expect(priceOf({ ...NO_PRICE, model: 'm' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, input: '1' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, model: 'm', input: '-1' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, model: 'm', input: 'x' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, model: 'm', input: '1', output_audio: 'x' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, model: 'm', input: 'Infinity' })).toBeNull();
  expect(priceOf({ ...NO_PRICE, model: ' m* ', input: '1,5', cache_read: '0' })).toEqual({
    model: 'm*',
    provider: null,
    input: 1.5,
    cache_read: 0,
  });
});

test.each([
  ['', null],
  ['  ', null],
  ['0', 0],
  ['200000', 200_000],
  ['200k', 200_000],
  ['200 K', 200_000],
  ['1M', 1_000_000],
  ['200,000', Number.NaN],
  ['1.5', Number.NaN],
  ['-1', Number.NaN],
  ['many', Number.NaN],
  ['99999999999999999999', Number.NaN],
])('%j is so many tokens: %s', (typed, tokens) => expect(tokensOf(typed)).toBe(tokens));

test.each([
  ['', null],
  ['2026-01-31', '2026-01-31T00:00:00Z'],
  [' 2026-01-31 12:30Z ', '2026-01-31T12:30:00Z'],
  ['2026-01-31t12:30:05.000000001z', '2026-01-31T12:30:05.000000001Z'],
  ['2026-01-31T12:30+05:30', '2026-01-31T12:30:00+05:30'],
  ['2024-02-29', '2024-02-29T00:00:00Z'],
  ['2026-02-29', undefined],
  ['2026-13-01', undefined],
  ['2026-01-31T25:00Z', undefined],
  // Without its zone it is another moment for each reader.
  ['2026-01-31T12:30', undefined],
  ['31.1.2026', undefined],
  ['soon', undefined],
])('%j is the moment %s', (typed, moment) => expect(sinceOf(typed)).toBe(moment));

test('from when on and above how many tokens a price holds may be said, and must be readable', () => {
  const draft = { ...NO_PRICE, model: 'm', input: '1' };
  expect(priceOf({ ...draft, since: '2026-01-31', above: '200k' })).toEqual({
    model: 'm',
    provider: null,
    since: '2026-01-31T00:00:00Z',
    above: 200_000,
    input: 1,
  });
  expect(priceOf({ ...draft, above: '0' })).toEqual({ model: 'm', provider: null, input: 1 });
  expect(priceOf({ ...draft, since: 'soon' })).toBeNull();
  expect(priceOf({ ...draft, above: 'many' })).toBeNull();
});

test('a price of the server comes back as it was, to the nanosecond', () => {
  const since = (text: string) => priceDraft({ model: 'm', since: text }).since;
  expect(since('2026-01-31T00:00:00.000000000Z')).toBe('2026-01-31');
  expect(since('2026-01-31T12:30:00.000000000Z')).toBe('2026-01-31T12:30:00Z');
  expect(since('2026-01-31T00:00:00.000000001Z')).toBe('2026-01-31T00:00:00.000000001Z');
  expect(sinceOf('2026-01-31T00:00:00.000000001Z')).toBe('2026-01-31T00:00:00.000000001Z');
  expect(priceDraft({ model: 'm', above: 0, since: null })).toEqual({ ...NO_PRICE, model: 'm' });
});

test('what is typed of a price is the price', () => {
  const price = {
    model: 'm',
    provider: 'p',
    since: '2026-01-31T12:30:00Z',
    above: 200_000,
    input: 1,
    output: 2.5,
    cache_write_1h: 6,
    input_audio: 40,
    output_image: 0,
  };
  expect(priceOf(priceDraft(price))).toEqual(price);
});

test('a rare kind of tokens has a column where one of the prices is of it', () => {
  const usual = ['input', 'output', 'cache_read', 'cache_write', 'reasoning'];
  expect(pricedKinds([{ model: 'a', input: 1, output_audio: null }])).toEqual(usual);
  const some = [
    { model: 'a', input: 1, output_audio: 0 },
    { model: 'b', input: 1, cache_write_1h: 2 },
  ];
  expect(pricedKinds(some)).toEqual([...usual, 'cache_write_1h', 'output_audio']);
});

test('a price takes the place of the one of that model, or of the one that is changed', () => {
  const own = [
    { model: 'a', input: 1 },
    { model: 'b', input: 2, above: 1000, since: '2026-01-01T00:00:00Z', output_audio: 8 },
  ];
  expect(withPrice(own, { model: 'A', input: 3 }, null)).toEqual([{ model: 'A', input: 3 }, own[1]]);
  expect(withPrice(own, { model: 'c', input: 3 }, null)).toHaveLength(3);
  // What the form asks for and was emptied is gone.
  expect(withPrice(own, { model: 'b2', input: 4 }, own[1]!)).toEqual([own[0], { model: 'b2', input: 4 }]);
  // What it does not ask for stays.
  const later = { model: 'b', input: 2, batch: true };
  expect(withPrice([later], { model: 'b', input: 4 }, later)).toEqual([{ model: 'b', input: 4, batch: true }]);
});

test('prices of one model for other calls stand beside each other, and none is lost with another', () => {
  const own = [
    { model: 'a', provider: 'P', input: 1, above: 0 },
    { model: 'a', provider: 'p', input: 2, above: 200_000 },
    { model: 'a', provider: 'p', input: 3, above: 0, since: '2026-01-31T00:00:00.000000000Z' },
  ];
  const of = (more: object) => ({ model: 'A', provider: 'p', input: 9, ...more });
  expect(withPrice(own, of({}), null)).toEqual([of({}), own[1], own[2]]);
  expect(withPrice(own, of({ above: 200_000 }), null)).toEqual([own[0], of({ above: 200_000 }), own[2]]);
  const since = of({ since: '2026-01-31T01:00:00+01:00' });
  expect(withPrice(own, since, null)).toEqual([own[0], own[1], since]);
  expect(withPrice(own, of({ above: 1, since: '2026-01-31T00:00:00Z' }), null)).toHaveLength(4);
  expect(rivalOf(own, of({ above: 200_000 }), null)).toBe(own[1]);
  expect(rivalOf(own, of({ above: 200_000 }), own[1]!)).toBeUndefined();
  expect(rivalOf(own, of({}), own[1]!)).toBe(own[0]);
  expect(rivalOf(own, of({ provider: null }), null)).toBeUndefined();
});
