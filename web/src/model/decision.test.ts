import { expect, test } from 'vitest';
import { decisionOf, wentOnWith } from './decision';
import { span } from './testing';

const json = (value: unknown) => decisionOf({ type: 'json', value });

test('what was chosen is found under the names that clients use', () => {
  expect(json({ confidence: 0.89, route: 'order_status' })).toMatchObject({ chosen: 'order_status', confidence: 0.89 });
  expect(json({ next: { name: 'refunds' }, why: 'money' })).toMatchObject({ chosen: 'refunds', reason: 'money' });
  expect(decisionOf({ type: 'text', text: '{"intent": "greeting"}' })?.chosen).toBe('greeting');
  expect(decisionOf({ type: 'text', text: ' billing ' })?.chosen).toBe('billing');
});

test('what it chose among is in order of its score, and tells how sure it was', () => {
  const decision = json({ route: 'b', candidates: [{ name: 'a', score: 0.2 }, { name: 'b', score: 0.7 }, 'c'] });
  expect(decision?.options.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
  expect(decision?.confidence).toBe(0.7);
  expect(json({ probabilities: { a: 0.1, b: 0.9 } })).toMatchObject({ chosen: 'b', confidence: 0.9 });
});

test('anything else is no decision', () => {
  for (const value of [null, 7, [], {}, { route: '' }, { text: 'hello' }]) expect(json(value)).toBeNull();
  expect(decisionOf({ type: 'text', text: 'A whole answer.\nOf two lines.' })).toBeNull();
  expect(decisionOf(null)).toBeNull();
});

test('the run goes on inside the router, else with the next step beside it', () => {
  const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
  const router = span('r', { parent_id: 'p', start_time: at(2) });
  const before = span('a', { parent_id: 'p', start_time: at(1) });
  const next = span('n', { parent_id: 'p', start_time: at(3) });
  const later = span('l', { parent_id: 'p', start_time: at(4) });
  expect(wentOnWith([later, next, router, before], router)?.span_id).toBe('n');
  const inside = span('i', { parent_id: 'r', start_time: at(5) });
  expect(wentOnWith([next, router, inside], router)?.span_id).toBe('i');
  expect(wentOnWith([router, before], router)).toBeNull();
});
