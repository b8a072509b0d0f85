// The tree of steps holds every span once, whatever their parents say.
import { describe, expect, test } from 'vitest';
import { ancestors, buildTree, type StepNode, visibleSteps } from './steps';
import { span } from './testing';

function shape(nodes: StepNode[]): unknown[] {
  return nodes.map((node) => (node.children.length > 0 ? [node.id, shape(node.children)] : node.id));
}

describe('buildTree', () => {
  test('children hang under their parents, in order of start', () => {
    const spans = [
      span('b', { parent_id: 'a', start_time: '2026-01-01T00:00:02Z' }),
      span('c', { parent_id: 'a', start_time: '2026-01-01T00:00:01.000000001Z' }),
      span('a', { start_time: '2026-01-01T00:00:00Z' }),
    ];
    expect(shape(buildTree(spans))).toEqual([['a', ['c', 'b']]]);
  });

  test('spans of a parent that never came are kept together', () => {
    const roots = buildTree([
      span('a', { parent_id: 'x' }),
      span('b', { parent_id: 'x' }),
      span('c', { parent_id: 'y' }),
    ]);
    expect(shape(roots)).toEqual([
      ['unknown:x', ['a', 'b']],
      ['unknown:y', ['c']],
    ]);
    expect(roots[0]?.unknownParent).toBe('x');
  });

  test('a cycle loses nothing and ends', () => {
    const roots = buildTree([
      span('a', { parent_id: 'b' }),
      span('b', { parent_id: 'a' }),
      span('c', { parent_id: 'a' }),
      span('d', { parent_id: 'd' }),
    ]);
    expect(shape(roots)).toEqual([['a', ['c']], 'b', 'd']);
  });

  test('an id that comes twice is shown once, and spans without a start come last', () => {
    const roots = buildTree([span('late'), span('a', { start_time: '2026-01-01T00:00:00Z' }), span('a')]);
    expect(shape(roots)).toEqual(['a', 'late']);
  });
});

describe('visibleSteps', () => {
  test('skips what is inside collapsed nodes', () => {
    const roots = buildTree([span('a'), span('b', { parent_id: 'a' }), span('c', { parent_id: 'b' }), span('d')]);
    const ids = (collapsed: string[]) =>
      visibleSteps(roots, new Set(collapsed)).map((row) => `${row.depth}${row.node.id}`);
    expect(ids([])).toEqual(['0a', '1b', '2c', '0d']);
    expect(ids(['b'])).toEqual(['0a', '1b', '0d']);
    expect(ids(['a'])).toEqual(['0a', '0d']);
  });

  test('a chain of ten thousand steps is no problem', () => {
    const spans = Array.from({ length: 10_000 }, (_, index) =>
      span(`s${index}`, index > 0 ? { parent_id: `s${index - 1}` } : {}),
    );
    // Order of start is order of arrival here.
    expect(visibleSteps(buildTree(spans), new Set())).toHaveLength(10_000);
  });
});

test('ancestors name the unknown parent too and end in a cycle', () => {
  expect(ancestors([span('a', { parent_id: 'x' }), span('b', { parent_id: 'a' })], 'b')).toEqual([
    'a',
    'x',
    'unknown:x',
  ]);
  expect(ancestors([span('a', { parent_id: 'b' }), span('b', { parent_id: 'a' })], 'a')).toEqual(['b', 'a']);
});
