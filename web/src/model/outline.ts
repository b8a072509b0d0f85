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

/** The steps that keys walk through: those on screen, and of a closed turn its first one, which going there opens. */
export function walkOf(items: readonly Item[]): StepRef[] {
  return items.flatMap((item): StepRef[] => {
    const { traceId, roots } = item.group;
    if (item.type === 'step') return item.row.node.span ? [{ traceId, stepId: item.row.node.id }] : [];
    if (item.type !== 'bar' || item.open) return [];
    const first = firstStep(roots);
    return first ? [{ traceId, stepId: first.id }] : [];
  });
}

/** The first node that stands for a step; the parent above it may never have come. */
function firstStep(roots: readonly StepNode[]): StepNode | undefined {
  const [first] = roots;
  return !first || first.span ? first : firstStep(first.children);
}

/** The step before or after the selected one. */
export function neighbour(walk: readonly StepRef[], selected: StepRef | null, by: 1 | -1): StepRef | null {
  const at = selected
    ? walk.findIndex((step) => step.stepId === selected.stepId && step.traceId === selected.traceId)
    : -1;
  if (at < 0) return (by > 0 ? walk[0] : walk[walk.length - 1]) ?? null;
  return walk[at + by] ?? null;
}

/** The group that holds the step. */
export function groupOf(groups: readonly Group[], selected: StepRef | null): Group | null {
  if (!selected) return null;
  const holds = (group: Group) => group.spans.some((span) => span.span_id === selected.stepId);
  return groups.find((group) => group.traceId === selected.traceId && holds(group)) ?? null;
}
