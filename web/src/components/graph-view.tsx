// The run as a graph, laid out from top to bottom. Loaded when first opened, as the layout is a library of its own.
import { graphlib, layout } from '@dagrejs/dagre';
import { useElementSize, useMergedRef } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { SpanRow } from '../api/types';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { formatDuration, plural } from '../model/format';
import { type Graph, type GraphEdge, type GraphNode, graphOf } from '../model/graph';
import type { StepRef } from '../model/outline';
import button from './button.module.css';
import classes from './graph-view.module.css';
import { KindIcon, kindName } from './kind-icon';

const HEIGHT = 50;
/** A node is as broad as its words, within these bounds. */
const NARROWEST = 132;
const BROADEST = 260;
/** Pixels of one letter of a name, and of the smaller words; of what is beside them. */
const NAME_LETTER = 8.6;
const LETTER = 6.2;
const BESIDE = 58;
/** A graph that is wider than its place is drawn smaller, but not so small that it cannot be read. */
const SMALLEST = 0.7;

interface Point {
  x: number;
  y: number;
}

interface Placed extends Point {
  width: number;
}

interface Laid {
  nodes: { node: GraphNode; at: Placed }[];
  edges: { edge: GraphEdge; points: Point[]; label: Point }[];
  width: number;
  height: number;
}

function lay({ nodes, edges }: Graph, across: boolean): Laid {
  const graph = new graphlib.Graph();
  graph.setGraph(
    across
      ? { rankdir: 'LR', nodesep: 12, ranksep: 30, edgesep: 8 }
      : { rankdir: 'TB', nodesep: 18, ranksep: 54, edgesep: 14 },
  );
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: broadAs(node), height: HEIGHT });
  // A step that calls its own kind again goes round in itself; the count at the node says so.
  const between = edges.filter(({ from, to }) => from !== to);
  for (const edge of between) {
    graph.setEdge(edge.from, edge.to, { width: edgeWords(edge).length * LETTER + 10, height: 16, labelpos: 'c' });
  }
  layout(graph);
  const size = graph.graph();
  return {
    nodes: nodes.map((node) => ({ node, at: graph.node(node.id) as Placed })),
    edges: between.map((edge) => {
      const laid = graph.edge(edge.from, edge.to) as unknown as Point & { points: Point[] };
      return { edge, points: laid.points, label: { x: laid.x, y: laid.y } };
    }),
    width: size.width ?? NARROWEST,
    height: size.height ?? HEIGHT,
  };
}

function broadAs(node: GraphNode): number {
  const sums = sumsOf(node) + failedOf(node);
  const words = Math.max(node.name.length * NAME_LETTER, sums.length * LETTER);
  return Math.round(Math.min(BROADEST, Math.max(NARROWEST, words + BESIDE)));
}

function sumsOf({ count, time }: GraphNode): string {
  return `${plural(count, 'step')} · ${formatDuration(time)}`;
}

function failedOf({ errors }: GraphNode): string {
  return errors > 0 ? ` · ${text.graph.failed(errors.toLocaleString('en-US'))}` : '';
}

function edgeWords({ count, errors, time }: GraphEdge): string {
  return [
    `${count.toLocaleString('en-US')}×`,
    formatDuration(time),
    errors > 0 && text.graph.failed(errors.toLocaleString('en-US')),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A line through the points, bent softly. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  const parts = [`M${first.x},${first.y}`];
  rest.forEach((point, at) => {
    const next = rest[at + 1];
    if (next) parts.push(`Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`);
    else parts.push(`L${point.x},${point.y}`);
  });
  return parts.join(' ');
}

/** The tip of an arrow at the end of the line. */
function tip(points: readonly Point[]): string {
  const end = points[points.length - 1];
  const before = points[points.length - 2];
  if (!end || !before) return '';
  const turn = Math.atan2(end.y - before.y, end.x - before.x);
  const corner = (by: number) => `${end.x - 8 * Math.cos(turn + by)},${end.y - 8 * Math.sin(turn + by)}`;
  return `${end.x},${end.y} ${corner(0.45)} ${corner(-0.45)}`;
}

interface Props {
  spans: readonly SpanRow[];
  selected: StepRef | null;
  onSelect: (step: StepRef) => void;
  /** From left to right, for a graph that is broader than it is deep; else from top to bottom. */
  across?: boolean;
}

export default function GraphView({ spans, selected, onSelect, across = false }: Props) {
  const graph = useMemo(() => graphOf(spans), [spans]);
  const laid = useMemo(() => lay(graph, across), [graph, across]);
  const { ref, width, height } = useElementSize<HTMLElement>();
  const box = useRef<HTMLElement>(null);
  const both = useMergedRef(ref, box);
  const [whole, setWhole] = useState(false);
  const readable = width > 0 ? Math.min(1, Math.max(SMALLEST, width / laid.width)) : 1;
  const fitting = width > 0 ? Math.min(readable, width / laid.width, height / laid.height) : 1;
  const zoom = whole ? fitting : readable;
  // What everything begins with may be far down, in the middle of what it calls.
  useEffect(() => {
    const called = new Set(laid.edges.map(({ edge }) => edge.to));
    const roots = laid.nodes.filter(({ node }) => !called.has(node.id)).sort((a, b) => b.node.count - a.node.count);
    box.current?.scrollTo({ top: (roots[0]?.at.y ?? 0) * zoom - height / 2 });
  }, [laid, zoom, height]);
  return (
    <section ref={both} className={classes.scroll} aria-label={text.graph.title} tabIndex={0}>
      {fitting < readable && (
        <button
          type="button"
          className={`${button.small} ${classes.fit}`}
          aria-pressed={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole ? text.graph.readable : text.graph.whole}
        </button>
      )}
      {graph.leftOut > 0 && <p className={classes.note}>{text.graph.leftOut(graph.leftOut.toLocaleString('en-US'))}</p>}
      <div className={classes.canvas} style={{ width: laid.width, height: laid.height, zoom }}>
        <svg className={classes.edges} width={laid.width} height={laid.height} aria-hidden>
          {laid.edges.map(({ edge, points }) => (
            <g key={`${edge.from} ${edge.to}`}>
              <path d={curve(points)} data-error={edge.errors > 0 || undefined} />
              <polygon points={tip(points)} />
            </g>
          ))}
        </svg>
        {laid.edges.map(({ edge, label }) => (
          <span
            key={`${edge.from} ${edge.to}`}
            className={classes.label}
            data-error={edge.errors > 0 || undefined}
            style={{ left: label.x, top: label.y }}
          >
            {edgeWords(edge)}
          </span>
        ))}
        {laid.nodes.map(({ node, at }) => (
          <button
            key={node.id}
            type="button"
            className={classes.node}
            data-kind={node.kind}
            data-node={node.name}
            data-selected={
              (selected?.stepId === node.step.stepId && selected.traceId === node.step.traceId) || undefined
            }
            style={{ left: at.x - at.width / 2, top: at.y - HEIGHT / 2, width: at.width, height: HEIGHT }}
            title={`${kindName(node.kind)}: ${isolated(node.name)}`}
            onClick={() => onSelect(node.step)}
          >
            <KindIcon kind={node.kind} size={24} />
            <span className={classes.words}>
              <span className={classes.name}>{node.name}</span>
              <span className={classes.sums}>
                {sumsOf(node)}
                {node.errors > 0 && <span className={classes.errors}>{failedOf(node)}</span>}
              </span>
            </span>
          </button>
        ))}
      </div>
    </section>
  );
}
