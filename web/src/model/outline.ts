// A conversation, or one trace, as the flat list of things on screen: what was said and, in between, the open steps.
import type { SpanRow, TraceDetail, Transcript, Turn } from '../api/types';
import { filterTree, type StepFilter } from './step-filter';
import { buildTree, type StepNode, type StepRow, visibleSteps } from './steps';

/** A turn with its steps; without a turn, the steps of a trace on its own page. */
export interface Group {
  key: string;
  index: number;
  traceId: string;
  turn: Turn | null;
  spans: SpanRow[];
  roots: StepNode[];
}

export type Item =
  | { type: 'ask'; key: string; group: Group; turn: Turn }
  | { type: 'bar'; key: string; group: Group; turn: Turn; open: boolean }
  | { type: 'step'; key: string; group: Group; row: StepRow }
  | { type: 'answer'; key: string; group: Group; turn: Turn };

export interface StepRef {
  traceId: string;
  stepId: string;
}

export function groupsOfTranscript(transcript: Transcript): Group[] {
  return transcript.turns.map((turn, index) => ({
    key: `${turn.trace_id}/${turn.span_id ?? ''}`,
    index,
    traceId: turn.trace_id,
    turn,
    spans: turn.spans,
    roots: buildTree(turn.spans),
  }));
}

export function groupsOfTrace(detail: TraceDetail): Group[] {
  const { trace_id: traceId } = detail.trace;
  return [{ key: traceId, index: 0, traceId, turn: null, spans: detail.spans, roots: buildTree(detail.spans) }];
}

/** The groups with only the steps that match, and what those hang under. */
export function filterGroups(groups: readonly Group[], filter: StepFilter): Group[] {
  return groups.map((group) => ({ ...group, roots: filterTree(group.roots, filter) }));
}

/** The name of a node across all groups, for the set of collapsed ones. */
export function nodeKey(group: Group, nodeId: string): string {
  return `${group.key}|${nodeId}`;
}

function stepsOf(group: Group, collapsed: ReadonlySet<string>): StepRow[] {
  const prefix = `${group.key}|`;
  const inside = [...collapsed].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  return visibleSteps(group.roots, new Set(inside));
}

/** The items without what was said: the turns with their steps alone. */
export function stepsOnly(items: readonly Item[]): Item[] {
  return items.filter(({ type }) => type === 'bar' || type === 'step');
}

/** Everything on screen, top to bottom. */
export function outline(groups: readonly Group[], open: ReadonlySet<string>, collapsed: ReadonlySet<string>): Item[] {
  const items: Item[] = [];
  for (const group of groups) {
    const { turn } = group;
    const isOpen = turn === null || open.has(group.key);
    if (turn) {
      items.push({ type: 'ask', key: `${group.key}|ask`, group, turn });
      items.push({ type: 'bar', key: `${group.key}|bar`, group, turn, open: isOpen });
    }
    if (isOpen) {
      for (const row of stepsOf(group, collapsed)) {
        items.push({ type: 'step', key: nodeKey(group, row.node.id), group, row });
      }
    }
    if (turn) items.push({ type: 'answer', key: `${group.key}|answer`, group, turn });
  }
  return items;
}

/** The step before or after the selected one. A closed turn counts as its first step, which going there opens. */
export function neighbour(
  groups: readonly Group[],
  open: ReadonlySet<string>,
  collapsed: ReadonlySet<string>,
  selected: StepRef | null,
  by: 1 | -1,
): StepRef | null {
  const steps: StepRef[] = [];
  for (const group of groups) {
    const rows = stepsOf(group, collapsed).filter((row) => row.node.span);
    const isOpen = group.turn === null || open.has(group.key);
    for (const row of isOpen ? rows : rows.slice(0, 1)) steps.push({ traceId: group.traceId, stepId: row.node.id });
  }
  const at = selected
    ? steps.findIndex((step) => step.stepId === selected.stepId && step.traceId === selected.traceId)
    : -1;
  if (at < 0) return (by > 0 ? steps[0] : steps[steps.length - 1]) ?? null;
  return steps[at + by] ?? null;
}

/** The group that holds the step. */
export function groupOf(groups: readonly Group[], selected: StepRef | null): Group | null {
  if (!selected) return null;
  const holds = (group: Group) => group.spans.some((span) => span.span_id === selected.stepId);
  return groups.find((group) => group.traceId === selected.traceId && holds(group)) ?? null;
}
