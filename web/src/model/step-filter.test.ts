// Filtering keeps the way to what is found, and counts kinds.
import { expect, test } from 'vitest';
import { filterTree, kindCounts } from './step-filter';
import { buildTree, type StepNode } from './steps';
import { span } from './testing';

const spans = [
  span('a', { name: 'turn' }),
  span('b', { parent_id: 'a', kind: 'agent', name: 'planner' }),
  span('c', { parent_id: 'b', kind: 'tool', name: 'weather', status: 'error' }),
  span('d', { parent_id: 'a', kind: 'tool', name: 'clock' }),
];

const ids = (nodes: readonly StepNode[]): string[] => nodes.flatMap((node) => [node.id, ...ids(node.children)]);

test('a match keeps everything above it and nothing beside it', () => {
  const roots = buildTree(spans);
  expect(ids(filterTree(roots, { q: 'WEATHER' }))).toEqual(['a', 'b', 'c']);
  expect(ids(filterTree(roots, { errors: true }))).toEqual(['a', 'b', 'c']);
  expect(ids(filterTree(roots, { kind: 'tool', q: 'clock' }))).toEqual(['a', 'd']);
  expect(ids(filterTree(roots, { q: 'nowhere' }))).toEqual([]);
  expect(ids(filterTree(roots, {}))).toEqual(['a', 'b', 'c', 'd']);
});

test('a chain of ten thousand steps is filtered', () => {
  const chain = Array.from({ length: 10_000 }, (_, at) => span(`s${at}`, { parent_id: at ? `s${at - 1}` : null }));
  chain[9999] = { ...chain[9999]!, name: 'deepest' };
  let depth = 0;
  for (let node = filterTree(buildTree(chain), { q: 'deepest' })[0]; node; node = node.children[0]) depth += 1;
  expect(depth).toBe(10_000);
});

test('kinds are counted, the most frequent first', () => {
  expect(kindCounts(spans)[0]).toEqual({ kind: 'tool', count: 2 });
});
