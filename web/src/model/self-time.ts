// How long each step worked itself, and which steps the whole had to wait for.
import type { StepNode } from './steps';
import { parseTime } from './time';

interface Stretch {
  start: number;
  end: number;
}

function stretchOf(node: StepNode): Stretch | null {
  const start = parseTime(node.span?.start_time);
  const end = parseTime(node.span?.end_time);
  return start === null || end === null || end < start ? null : { start, end };
}

/** Milliseconds of each step in which none of its children ran; steps without both times have none. */
export function selfTimes(roots: readonly StepNode[]): Map<string, number> {
  const found = new Map<string, number>();
  const stack = [...roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    stack.push(...node.children);
    const own = stretchOf(node);
    if (!own) continue;
    found.set(node.id, Math.max(0, own.end - own.start - covered(node.children, own)));
  }
  return found;
}

/** The length of the union of the children's stretches within the parent's. */
function covered(children: readonly StepNode[], within: Stretch): number {
  const stretches = children.map(stretchOf).filter((stretch) => stretch !== null);
  stretches.sort((a, b) => a.start - b.start);
  let sum = 0;
  let reached = within.start;
  for (const { start, end } of stretches) {
    const from = Math.max(start, reached);
    const to = Math.min(end, within.end);
    if (to > from) sum += to - from;
    reached = Math.max(reached, to);
  }
  return sum;
}

/** The steps that the end had to wait for: from each step back through the children that ended last. */
export function criticalPath(roots: readonly StepNode[]): Set<string> {
  const path = new Set<string>();
  const stack: { nodes: readonly StepNode[]; until: number }[] = [{ nodes: roots, until: Number.POSITIVE_INFINITY }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const timed = next.nodes.flatMap((node) => {
      const own = stretchOf(node);
      // Feedback comes long after the work, which never waits for it.
      return own && node.span?.kind !== 'feedback' ? [{ node, own }] : [];
    });
    timed.sort((a, b) => b.own.end - a.own.end);
    let { until } = next;
    for (const { node, own } of timed) {
      if (own.end > until) continue;
      path.add(node.id);
      until = own.start;
      stack.push({ nodes: node.children, until: own.end });
    }
  }
  return path;
}
