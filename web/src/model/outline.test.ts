// What is on screen, and where the keys lead.
import { expect, test } from 'vitest';
import type { Transcript, Turn } from '../api/types';
import { groupOf, groupsOfTranscript, neighbour, outline, walkOf } from './outline';
import { span } from './testing';

function turn(trace: string, ids: string[]): Turn {
  const spans = ids.map((id, index) => span(id, { trace_id: trace, parent_id: index > 0 ? ids[0] : null }));
  return {
    trace_id: trace,
    span_id: ids[0],
    status: 'ok',
    state: 'ended',
    running: false,
    start_time: '2026-01-01T00:00:00Z',
    scores: [],
    spans,
  };
}

const groups = groupsOfTranscript({ turns: [turn('t1', ['a', 'b']), turn('t2', ['c', 'd'])] } as unknown as Transcript);
const [first] = groups;

test('steps stand between what was said', () => {
  const shown = outline(groups, new Set([first!.key]), new Set()).map((item) => item.type);
  expect(shown).toEqual(['ask', 'bar', 'step', 'step', 'answer', 'ask', 'bar', 'answer']);
});

test('keys go through open steps and into the next turn', () => {
  const walk = walkOf(outline(groups, new Set([first!.key]), new Set()));
  const go = (from: string | null, by: 1 | -1) =>
    neighbour(walk, from ? { traceId: from < 'c' ? 't1' : 't2', stepId: from } : null, by)?.stepId;
  expect(go(null, 1)).toBe('a');
  expect(go('a', 1)).toBe('b');
  expect(go('b', 1)).toBe('c');
  expect(go('c', -1)).toBe('b');
  expect(go('a', -1)).toBeUndefined();
});

test('a step is found in its turn', () => {
  expect(groupOf(groups, { traceId: 't2', stepId: 'd' })?.index).toBe(1);
  expect(groupOf(groups, { traceId: 't1', stepId: 'd' })).toBeNull();
});

test('keys go to the first step that came of a turn whose first parent never did', () => {
  const orphans = groupsOfTranscript({
    turns: [{ ...turn('t3', ['x']), spans: [span('x', { trace_id: 't3', parent_id: 'never' })] }],
  } as unknown as Transcript);
  expect(walkOf(outline(orphans, new Set(), new Set()))).toEqual([{ traceId: 't3', stepId: 'x' }]);
});
