import { expect, test } from 'vitest';
import { figuresOf, lacksPrice, originsOf, sumOf, whyNot } from './figures';
import { explained, explainedTrace } from './testing';

const ids = (figures: { span: { span_id: string } }[]) => figures.map(({ span }) => span.span_id);
const aside = { usage_counted: false, cost_counted: false } as const;

test('the dearest come first, and what has no cost by its tokens', () => {
  const { counted } = figuresOf([
    explainedTrace('t1', [
      explained('few', { usage: { input: 10 }, cost_counted: false, no_cost: 'no_price' }),
      explained('cheap', { usage: { input: 5000 }, cost: 0.01 }),
      explained('many', { usage: { input: 10, output: 90 }, cost_counted: false, no_cost: 'no_price' }),
    ]),
    explainedTrace('t2', [explained('dear', { usage: { input: 1 }, cost: 2 })]),
  ]);
  expect(ids(counted)).toEqual(['dear', 'cheap', 'many', 'few']);
  expect(counted[0]?.traceId).toBe('t2');
});

test('what repeats another is left out with its reason, and the sums are those of the rest', () => {
  const traces = [
    explainedTrace(
      't',
      [
        explained('agent', {
          ...aside,
          usage: { input: 300, output: 30 },
          usage_reason: 'repeats_children',
          cost_reason: 'not_a_model_call',
        }),
        explained('one', { usage: { input: 100, cache_read: 40, output: 10 }, cost: 0.1 }),
        explained('other', { usage: { input: 200, output: 20, reasoning: 5 }, cost: 0.2 }),
      ],
      { usage: { input: 300, cache_read: 40, output: 30, reasoning: 5 }, cost: 0.1 + 0.2 },
    ),
  ];
  const { counted, leftOut } = figuresOf(traces);
  expect(ids(counted)).toEqual(['other', 'one']);
  expect(ids(leftOut)).toEqual(['agent']);
  expect(leftOut.map(whyNot)).toEqual([['repeats_children']]);
  expect(sumOf(counted)).toEqual(sumOf(traces));
  expect(sumOf(counted)).toEqual({ usage: { input: 300, cache_read: 40, output: 30, reasoning: 5 }, cost: 0.1 + 0.2 });
});

test('tokens of one step and the cost of another may count, and each is left out of the other', () => {
  const { counted, leftOut, unpriced } = figuresOf([
    explainedTrace('t', [
      explained('told', { usage: { input: 7 }, usage_counted: false, usage_reason: 'repeats_children', cost: 0.5 }),
      explained('call', {
        usage: { input: 7 },
        cost: 0.4,
        cost_counted: false,
        cost_reason: 'same_call_reported_twice',
        no_cost: null,
      }),
    ]),
  ]);
  expect(counted.map(({ span, usage, cost }) => [span.span_id, usage, cost])).toEqual([
    ['told', null, 0.5],
    ['call', { input: 7 }, null],
  ]);
  expect(leftOut.map(({ span, usage, cost }) => [span.span_id, usage, cost])).toEqual([
    ['call', null, 0.4],
    ['told', { input: 7 }, null],
  ]);
  expect(leftOut.map(whyNot)).toEqual([['same_call_reported_twice'], ['repeats_children']]);
  expect(unpriced).toEqual([]);
});

test('a call that tells nothing is named, and what is left out for two reasons has both', () => {
  const { counted, leftOut } = figuresOf([
    explainedTrace('t', [
      explained('silent', { ...aside, usage: {}, usage_reason: 'no_usage', cost_reason: 'no_usage' }),
      explained('twice', {
        ...aside,
        usage: { input: 1 },
        usage_reason: 'repeats_children',
        cost: 1,
        cost_reason: 'same_call_in_another_trace',
      }),
    ]),
  ]);
  expect(counted).toEqual([]);
  expect(ids(leftOut)).toEqual(['twice', 'silent']);
  expect(leftOut.map(whyNot)).toEqual([['repeats_children', 'same_call_in_another_trace'], ['no_usage']]);
});

test('calls without a cost are those whose tokens count and that no price or no model is known of', () => {
  const without = { usage: { input: 1 }, cost_counted: false, cost_reason: 'no_usage' } as const;
  const { unpriced } = figuresOf([
    explainedTrace('t', [
      explained('unknown', { ...without, no_cost: 'no_price' }),
      explained('partly', { ...without, no_cost: 'incomplete_price' }),
      explained('unnamed', { ...without, no_cost: 'no_model' }),
      explained('elsewhere', { ...without, no_cost: 'counted_elsewhere' }),
      explained('aside', { ...without, ...aside, usage_reason: 'repeats_children', no_cost: 'not_counted' }),
    ]),
  ]);
  expect(ids(unpriced)).toEqual(['unknown', 'partly', 'unnamed']);
  expect(unpriced.map(({ span }) => lacksPrice(span))).toEqual([true, true, false]);
});

test('a sum of costs is the same in every order, and there is none of nothing', () => {
  const costs = [0.3, 0.1, 0.2, 0.7];
  const sums = [costs, costs.toReversed(), costs.toSorted()].map((each) => sumOf(each.map((cost) => ({ cost }))).cost);
  expect(new Set(sums).size).toBe(1);
  expect(sumOf([{ usage: null, cost: null }, {}])).toEqual({ usage: {}, cost: null });
});

test('where costs are from is told of each model once, with the rates of all its kinds of tokens', () => {
  const priced = (id: string, of: 'input' | 'output', perMillion: number, above = 0) =>
    explained(id, {
      model: 'gpt-4o',
      cost: 0.1,
      cost_source: 'price_table',
      price: {
        source: 'price_table',
        price: { model: 'gpt-4o', above },
        parts: [{ tokens_of: of, priced_as: of, tokens: 1, per_million: perMillion, cost: 0.1 }],
      },
    });
  const { counted } = figuresOf([
    explainedTrace('t1', [
      priced('a', 'input', 2.5),
      priced('b', 'output', 10),
      priced('c', 'input', 5, 200_000),
      explained('d', { model: 'own', cost: 0.05, cost_source: 'client' }),
    ]),
  ]);
  expect(originsOf(counted).map(({ span, rates }) => [span.span_id, rates.map(({ of }) => of).sort()])).toEqual([
    ['a', ['input', 'output']],
    ['c', ['input']],
    ['d', []],
  ]);
});
