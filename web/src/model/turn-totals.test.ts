// A call that two steps tell of is counted once.
import { expect, test } from 'vitest';
import { span } from './testing';
import { turnTotals } from './turn-totals';

test('only what counts is added up', () => {
  const usage = { input: 10, output: 5 };
  const call = span('a', { usage, usage_counted: true, cost: 0.5, cost_counted: true });
  const repeated = span('b', { usage, cost: 0.5 });
  expect(turnTotals([call, repeated])).toEqual({ tokens: 15, cost: 0.5 });
  expect(turnTotals([repeated])).toEqual({ tokens: null, cost: null });
});
