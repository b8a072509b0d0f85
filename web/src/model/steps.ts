// The steps of a turn or trace as a tree. Hostile input is normal: parents that never came, spans that are their own
// ancestors, ids that occur twice. Every span is shown exactly once.
import type { SpanRow } from '../api/types';
import { parseTime } from './time';

export interface StepNode {
  /** Unique within the tree. */
  id: string;
  /** Null for the node that stands for a parent that never came. */
  span: SpanRow | null;
  /** The id of the parent that never came. */
  unknownParent?: string;
  children: StepNode[];
}

function byStart(spans: readonly SpanRow[]): SpanRow[] {
  // A span without a start is not known to be earlier than anything.
  const timed = spans.map((span) => ({ span, start: parseTime(span.start_time) ?? Number.MAX_VALUE }));
  return timed.sort((a, b) => a.start - b.start).map(({ span }) => span);
}

/** The roots in order of start. Spans whose parent is not among them hang under one node for each unknown parent. */
export function buildTree(spans: readonly SpanRow[]): StepNode[] {
  const nodes = new Map<string, StepNode>();
  for (const span of byStart(spans)) {
    if (!nodes.has(span.span_id)) nodes.set(span.span_id, { id: span.span_id, span, children: [] });
  }
  const cut = cyclic(nodes);
  const roots: StepNode[] = [];
  const unknown = new Map<string, StepNode>();
  for (const node of nodes.values()) {
    const parentId = node.span?.parent_id;
    const parent = parentId ? nodes.get(parentId) : undefined;
    if (!parentId || cut.has(node.id)) {
      roots.push(node);
    } else if (parent) {
      parent.children.push(node);
    } else {
      let group = unknown.get(parentId);
      if (!group) {
        group = { id: `unknown:${parentId}`, span: null, unknownParent: parentId, children: [] };
        unknown.set(parentId, group);
        roots.push(group);
      }
      group.children.push(node);
    }
  }
  return roots;
}

/** The spans that are their own ancestors. They are cut off and shown as roots. Every span is looked at once. */
function cyclic(nodes: ReadonlyMap<string, StepNode>): Set<string> {
  const found = new Set<string>();
  const done = new Set<string>();
  for (const start of nodes.keys()) {
    const way: string[] = [];
    const onWay = new Set<string>();
    let id: string | null | undefined = start;
    while (id && nodes.has(id) && !done.has(id) && !onWay.has(id)) {
      way.push(id);
      onWay.add(id);
      id = nodes.get(id)?.span?.parent_id;
    }
    if (id && onWay.has(id)) for (const each of way.slice(way.indexOf(id))) found.add(each);
    for (const each of way) done.add(each);
  }
  return found;
}

export interface StepRow {
  node: StepNode;
  depth: number;
  expanded: boolean;
  /** For each level above: whether a line goes on below this row. */
  last: boolean;
}

/** The rows that are visible with the given nodes collapsed, top to bottom. */
export function visibleSteps(roots: readonly StepNode[], collapsed: ReadonlySet<string>): StepRow[] {
  const rows: StepRow[] = [];
  // A stack instead of recursion: a chain of ten thousand steps is legal.
  const stack = roots.map((node, index) => ({ node, depth: 0, last: index === roots.length - 1 })).reverse();
  while (stack.length > 0) {
    const { node, depth, last } = stack.pop()!;
    const expanded = node.children.length > 0 && !collapsed.has(node.id);
    rows.push({ node, depth, expanded, last });
    if (!expanded) continue;
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      stack.push({ node: node.children[index]!, depth: depth + 1, last: index === node.children.length - 1 });
    }
  }
  return rows;
}

/** The ids of all nodes above the span, so that a linked step can be made visible. */
export function ancestors(spans: readonly SpanRow[], spanId: string): string[] {
  const parents = new Map(spans.map((span) => [span.span_id, span.parent_id ?? null]));
  const found = new Set<string>();
  let parentId = parents.get(spanId) ?? null;
  while (parentId && !found.has(parentId)) {
    found.add(parentId);
    if (!parents.has(parentId)) found.add(`unknown:${parentId}`);
    parentId = parents.get(parentId) ?? null;
  }
  return [...found];
}
