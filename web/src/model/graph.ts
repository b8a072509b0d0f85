// The steps of a run as a graph: what called what, how often, for how long, and with how many failures.
import type { SpanRow } from '../api/types';
import type { StepRef } from './outline';

/** More nodes than this cannot be read; the ones with the fewest steps are left out, and counted. */
const MOST_NODES = 120;

interface Sums {
  count: number;
  errors: number;
  /** Milliseconds of all of its steps together. */
  time: number;
}

export interface GraphNode extends Sums {
  id: string;
  kind: string;
  name: string;
  /** The step to open: the first that failed, else the first. */
  step: StepRef;
}

export interface GraphEdge extends Sums {
  from: string;
  to: string;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** Nodes that were left out. */
  leftOut: number;
}

/** What a step counts as: model calls by model, everything else by name. */
function nodeOf(span: SpanRow): { id: string; name: string } {
  const name = span.kind === 'generation' || span.kind === 'embedding' ? (span.model ?? span.name) : span.name;
  return { id: `${span.kind}|${name}`, name };
}

function add(sums: Sums, span: SpanRow): void {
  sums.count += 1;
  sums.time += span.duration_ms ?? 0;
  if (span.status === 'error') sums.errors += 1;
}

export function graphOf(spans: readonly SpanRow[]): Graph {
  const nodes = new Map<string, GraphNode>();
  const byStep = new Map(spans.map((span) => [`${span.trace_id}|${span.span_id}`, span]));
  for (const span of spans) {
    const { id, name } = nodeOf(span);
    const step = { traceId: span.trace_id, stepId: span.span_id };
    const node = nodes.get(id) ?? { id, name, kind: span.kind, count: 0, errors: 0, time: 0, step };
    if (span.status === 'error' && node.errors === 0) node.step = step;
    add(node, span);
    nodes.set(id, node);
  }
  const kept = [...nodes.values()].sort((a, b) => b.count - a.count).slice(0, MOST_NODES);
  const shown = new Set(kept.map(({ id }) => id));
  const edges = new Map<string, GraphEdge>();
  for (const span of spans) {
    const parent = span.parent_id ? byStep.get(`${span.trace_id}|${span.parent_id}`) : undefined;
    if (!parent) continue;
    const from = nodeOf(parent).id;
    const to = nodeOf(span).id;
    if (!shown.has(from) || !shown.has(to)) continue;
    const key = JSON.stringify([from, to]);
    const edge = edges.get(key) ?? { from, to, count: 0, errors: 0, time: 0 };
    add(edge, span);
    edges.set(key, edge);
  }
  // In the order of the steps, so that the picture is the same each time.
  const order = [...nodes.keys()];
  kept.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  return { nodes: kept, edges: [...edges.values()], leftOut: nodes.size - kept.length };
}
