import { expect, it } from 'vitest';
import { graphOf } from './graph';
import { span } from './testing';

it('joins steps of one kind and name, and counts what goes between them', () => {
  const { nodes, edges, leftOut } = graphOf([
    span('m', { kind: 'message', name: 'turn', duration_ms: 100 }),
    span('a', { kind: 'tool', name: 'search', parent_id: 'm', duration_ms: 10 }),
    span('b', { kind: 'tool', name: 'search', parent_id: 'm', duration_ms: 20, status: 'error' }),
    span('g', { kind: 'generation', name: 'call', model: 'gpt', parent_id: 'b', duration_ms: 5 }),
    span('o', { kind: 'tool', name: 'search', parent_id: 'never came' }),
  ]);
  expect(nodes.map(({ id, count, errors, time }) => [id, count, errors, time])).toEqual([
    ['message|turn', 1, 0, 100],
    ['tool|search', 3, 1, 30],
    ['generation|gpt', 1, 0, 5],
  ]);
  expect(nodes[1]?.step.stepId).toBe('b');
  expect(edges).toEqual([
    { from: 'message|turn', to: 'tool|search', count: 2, errors: 1, time: 30 },
    { from: 'tool|search', to: 'generation|gpt', count: 1, errors: 0, time: 5 },
  ]);
  expect(leftOut).toBe(0);
});

it('keeps ids of different traces apart, and the most frequent of many nodes', () => {
  expect(graphOf([span('a', { trace_id: 't1' }), span('b', { trace_id: 't2', parent_id: 'a' })]).edges).toEqual([]);
  const many = Array.from({ length: 300 }, (_, at) => span(`s${at}`, { name: `n${at}` }));
  const { nodes, leftOut } = graphOf([...many, span('again', { name: 'n299' })]);
  expect(nodes.length + leftOut).toBe(300);
  expect(nodes.some(({ name }) => name === 'n299')).toBe(true);
});
