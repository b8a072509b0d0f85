// Which steps of a trace are shown: by words, kind and failure. What a shown step hangs under stays, so that it keeps its place.
import type { SpanRow } from '../api/types';
import type { StepNode } from './steps';

export interface StepFilter {
  q?: string;
  kind?: string;
  errors?: boolean;
}

export function isFiltering(filter: StepFilter): boolean {
  return Boolean(filter.q || filter.kind || filter.errors);
}

/** Whether the step itself is what is looked for. */
export function stepMatches(span: SpanRow, { q, kind, errors }: StepFilter): boolean {
  if (kind && span.kind !== kind) return false;
  if (errors && span.status !== 'error') return false;
  if (!q) return true;
  const needle = q.toLowerCase();
  const words = [
    span.name,
    span.model,
    span.status_message,
    span.input_preview,
    span.output_preview,
    span.kind,
    span.span_id,
  ];
  return words.some((word) => word?.toLowerCase().includes(needle));
}

/** The tree with the steps that match and everything above them. Without recursion: a chain of ten thousand is legal. */
export function filterTree(roots: readonly StepNode[], filter: StepFilter): StepNode[] {
  if (!isFiltering(filter)) return [...roots];
  const order: { node: StepNode; parent: number }[] = roots.map((node) => ({ node, parent: -1 }));
  for (let at = 0; at < order.length; at += 1) {
    for (const child of order[at]!.node.children) order.push({ node: child, parent: at });
  }
  const kept = order.map(({ node }) => node.span !== null && stepMatches(node.span, filter));
  // Parents come before their children in this order, so that one way back carries every match up to its root.
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const { parent } = order[at]!;
    if (kept[at] && parent >= 0) kept[parent] = true;
  }
  const copies: (StepNode | null)[] = [];
  const shown: StepNode[] = [];
  order.forEach(({ node, parent }, at) => {
    const copy = kept[at] ? { ...node, children: [] } : null;
    copies.push(copy);
    if (!copy) return;
    const above = parent >= 0 ? copies[parent] : null;
    if (above) above.children.push(copy);
    else shown.push(copy);
  });
  return shown;
}

export interface KindCount {
  kind: string;
  count: number;
}

/** The kinds of the steps, the most frequent first. */
export function kindCounts(spans: readonly SpanRow[]): KindCount[] {
  const counts = new Map<string, number>();
  for (const { kind } of spans) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => ({ kind, count })).sort((a, b) => b.count - a.count);
}
