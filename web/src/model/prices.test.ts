import { expect, test } from 'vitest';
import { NO_PRICE, priceDraft, pricedKinds, priceOf, withPrice } from './prices';

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

test('what is typed of a price is the price', () => {
  const price = {
    model: 'm',
    provider: 'p',
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
  // What the form asks for and was emptied is gone; what it does not ask for stays.
  expect(withPrice(own, { model: 'b2', input: 4 }, own[1]!)[1]).toEqual({
    model: 'b2',
    input: 4,
    above: 1000,
    since: '2026-01-01T00:00:00Z',
  });
});
