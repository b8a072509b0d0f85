// Which steps are open and which one is selected, and the keys that move about in them.
import { useEffect, useMemo, useState } from 'react';
import type { SpanRow } from '../api/types';
import { useKeys } from '../lib/keys';
import { type Group, groupOf, neighbour, nodeKey, outline, type StepRef, walkOf } from '../model/outline';
import { ancestors, type StepNode } from '../model/steps';

interface Options {
  groups: Group[];
  selected: StepRef | null;
  select: (step: StepRef | null) => void;
  /** Esc with nothing selected. */
  onLeave: () => void;
  /** Whether turns are open until they are closed, rather than the other way round. */
  allOpen?: boolean;
}

function findNode(roots: readonly StepNode[], id: string): StepNode | null {
  const stack = [...roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.id === id) return node;
    stack.push(...node.children);
  }
  return null;
}

export function useSteps({ groups, selected, select, onLeave, allOpen: opened = false }: Options) {
  // A conversation of one turn has nothing to choose from: its steps are shown at once.
  const only = groups.length === 1 ? groups[0]!.key : null;
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const open = useMemo(
    () =>
      new Set(
        groups.filter((group) => toggled.get(group.key) ?? (opened || group.key === only)).map((group) => group.key),
      ),
    [groups, toggled, only, opened],
  );
  const items = useMemo(() => outline(groups, open, collapsed), [groups, open, collapsed]);
  const walk = useMemo(() => walkOf(items), [items]);
  const group = groupOf(groups, selected);
  const stepId = selected?.stepId ?? null;
  const groupKey = group?.key ?? null;

  // A selected step, by click, key or link, is always on screen: its turn and everything above it opens.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the selection changes, else the turn could not be closed
  useEffect(() => {
    if (!group || stepId === null) return;
    setToggled((before) => (before.get(group.key) ? before : new Map(before).set(group.key, true)));
    setCollapsed((before) => {
      if (before.size === 0) return before;
      const above = new Set(ancestors(group.spans, stepId).map((id) => nodeKey(group, id)));
      return [...above].some((key) => before.has(key)) ? new Set([...before].filter((key) => !above.has(key))) : before;
    });
  }, [groupKey, stepId]);

  const setNode = (at: Group, nodeId: string, expanded: boolean) =>
    setCollapsed((before) => {
      const after = new Set(before);
      if (expanded) after.delete(nodeKey(at, nodeId));
      else after.add(nodeKey(at, nodeId));
      return after;
    });
  const toggleStep = (at: Group, nodeId: string) => setNode(at, nodeId, collapsed.has(nodeKey(at, nodeId)));
  const toggleTurn = (at: Group) => setToggled((before) => new Map(before).set(at.key, !open.has(at.key)));
  const allOpen = groups.length > 0 && groups.every((each) => open.has(each.key));
  const toggleAll = () => setToggled(new Map(groups.map((each) => [each.key, !allOpen])));

  const move = (by: 1 | -1) => (event: KeyboardEvent) => {
    const next = neighbour(walk, selected, by);
    if (!next) return;
    event.preventDefault();
    select(next);
  };
  const sideways = (expand: boolean) => (event: KeyboardEvent) => {
    if (!group || stepId === null) return;
    const node = findNode(group.roots, stepId);
    if (!node) return;
    event.preventDefault();
    const isOpen = node.children.length > 0 && !collapsed.has(nodeKey(group, stepId));
    if (expand) {
      if (node.children.length > 0 && !isOpen) setNode(group, stepId, true);
      else if (node.children[0]?.span) select({ traceId: group.traceId, stepId: node.children[0].id });
    } else if (isOpen) {
      setNode(group, stepId, false);
    } else {
      const parent = node.span?.parent_id;
      if (parent && group.spans.some((span) => span.span_id === parent))
        select({ traceId: group.traceId, stepId: parent });
    }
  };
  useKeys({
    j: move(1),
    ArrowDown: move(1),
    k: move(-1),
    ArrowUp: move(-1),
    ArrowRight: sideways(true),
    ArrowLeft: sideways(false),
    e: toggleAll,
    Escape: () => (selected ? select(null) : onLeave()),
  });

  const selectedRow: SpanRow | null = group?.spans.find((span) => span.span_id === stepId) ?? null;
  return { items, allOpen, toggleStep, toggleTurn, toggleAll, selectedRow };
}
