// Charts of dashboards: as they are put together in the form, as they are asked for, and what is behind a point. Pure.
import type { AggregateAnswer, AggregateBody, AggregateRow, DashboardChart, MetricBody, ShownAs } from '../api/types';
import { type Bucketing, type Columns, columnsOf, measured } from './buckets';
import { formatCost, formatCount, formatDuration } from './format';
import { valueText } from './query';

export const MEASURES = ['count', 'error_share', 'distinct', 'sum', 'avg', 'min', 'max', 'p50', 'p95', 'p99'] as const;
export type MeasureName = (typeof MEASURES)[number];
export const LISTS = ['conversations', 'traces', 'spans'] as const;
export type ListName = (typeof LISTS)[number];
export const SHOWN_AS: readonly ShownAs[] = ['line', 'bars', 'number', 'table'];

/** A chart in its form. */
export interface ChartDraft {
  title: string;
  shownAs: ShownAs;
  of: ListName;
  measure: MeasureName;
  /** What is measured; nothing for a count. */
  field: string;
  /** By what it is parted; nothing where it is not. */
  by: string;
  q: string;
}

export const NEW_CHART: ChartDraft = {
  title: '',
  shownAs: 'line',
  of: 'conversations',
  measure: 'count',
  field: '',
  by: '',
  q: '',
};

/** Most lines of a chart, and most rows of a table. */
const LINES = 8;
const ROWS = 20;

export function needsField(measure: MeasureName): boolean {
  return measure !== 'count' && measure !== 'error_share';
}

function metricOf({ measure, field }: ChartDraft): MetricBody {
  if (measure === 'count' || measure === 'error_share') return measure;
  if (measure === 'p50' || measure === 'p95' || measure === 'p99') {
    return { percentiles: { field, of: [Number(measure.slice(1))] } };
  }
  return { [measure]: { field } } as MetricBody;
}

/** The chart that the form describes; null before it is complete. */
export function chartOf(draft: ChartDraft): DashboardChart | null {
  const field = draft.field.trim();
  const title = draft.title.trim();
  if (title === '' || (needsField(draft.measure) && field === '')) return null;
  const by = draft.by.trim();
  const q = draft.q.trim();
  return {
    title,
    shown_as: draft.shownAs,
    aggregate: {
      of: draft.of,
      group_by: by ? [{ field: by, top: draft.shownAs === 'table' ? ROWS : LINES }] : [],
      metrics: [metricOf({ ...draft, field })],
      filter: q ? { q } : {},
    },
  };
}

function measureOf(metric: MetricBody | undefined): { measure: MeasureName; field: string } {
  if (metric === undefined || metric === 'count') return { measure: 'count', field: '' };
  if (metric === 'error_share') return { measure: 'error_share', field: '' };
  const [name, { field, of }] = Object.entries(metric)[0] as [string, { field: string; of?: number[] }];
  const measure = name === 'percentiles' ? (`p${of?.[0] ?? 95}` as MeasureName) : (name as MeasureName);
  return { measure, field };
}

/** The form of a chart that is there. */
export function draftOfChart({ title, shown_as, aggregate }: DashboardChart): ChartDraft {
  const of = LISTS.find((list) => list === aggregate.of) ?? 'conversations';
  const q = (aggregate.filter as { q?: unknown } | null | undefined)?.q;
  return {
    title,
    shownAs: shown_as,
    of,
    ...measureOf(aggregate.metrics?.[0]),
    by: aggregate.group_by?.[0]?.field ?? '',
    q: typeof q === 'string' ? q : '',
  };
}

export function isOverTime(shownAs: ShownAs): boolean {
  return shownAs === 'line' || shownAs === 'bars';
}

/** What is asked for: the chart's own aggregate, over the time and the filters of the page. */
export function bodyOfChart(
  { shown_as, aggregate }: DashboardChart,
  filter: Record<string, string>,
  bucketing: Bucketing,
  offset: string,
): AggregateBody {
  const time = { time: bucketing.time, every: bucketing.every, offset };
  const own = aggregate.group_by ?? [];
  return {
    ...aggregate,
    // A model is said of the step that called it; conversations and traces know those of all of their steps.
    filter: { ...aggregate.filter, ...filter },
    group_by: isOverTime(shown_as) ? [time, ...own] : shown_as === 'number' ? [] : own,
    previous: shown_as === 'number',
    limit: 10_000,
  };
}

export interface Lines {
  columns: Columns;
  /** The value of each line's group; null where the chart is not parted. */
  groups: (string | null)[];
}

const readFirst = (row: AggregateRow) => [measured(row, 0)];

/** The lines of a chart over time, those with the greatest sums first. */
export function linesOf(
  answer: AggregateAnswer | undefined,
  { group_by }: AggregateBody,
  span: { from: number; to: number; length: number },
  empty: number | null,
): Lines {
  const rows = answer?.items ?? [];
  if (!group_by || group_by.length < 1) return { columns: columnsOf(rows, readFirst, 1, span, empty), groups: [null] };
  const byGroup = new Map<string, AggregateRow[]>();
  for (const row of rows) {
    const group = String(row.group[1] ?? '');
    byGroup.set(group, [...(byGroup.get(group) ?? []), row]);
  }
  const sum = (group: AggregateRow[]) => group.reduce((all, row) => all + (measured(row, 0) ?? 0), 0);
  // A group of which nothing is known has no line.
  const known = [...byGroup].filter(([, group]) => group.some((row) => measured(row, 0) !== null));
  const ordered = known.sort(([, a], [, b]) => sum(b) - sum(a)).slice(0, LINES);
  // All lines have the times of all rows.
  const times = columnsOf(rows, readFirst, 1, span, empty).times;
  const valuesOf = (group: AggregateRow[]) => {
    const byTime = new Map(group.map((row) => [Date.parse(String(row.group[0])) / 1000, measured(row, 0)]));
    return times.map((time) => byTime.get(time) ?? empty);
  };
  return {
    columns: { times, series: ordered.map(([, group]) => valuesOf(group)) },
    groups: ordered.map(([name]) => name),
  };
}

/** What a measure says where nothing happened: nothing of a time or mean, 0 of a count or sum. */
export function emptyOf(draft: ChartDraft): number | null {
  return draft.measure === 'count' || draft.measure === 'sum' || draft.measure === 'distinct' ? 0 : null;
}

export function formatOf({ measure, field }: ChartDraft): (value: number) => string {
  if (measure === 'error_share') return (value) => `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
  if (measure === 'count' || measure === 'distinct') return formatCount;
  if (field === 'cost') return formatCost;
  if (field === 'duration_ms') return formatDuration;
  return (value) =>
    Number.isInteger(value) || Math.abs(value) >= 1000
      ? formatCount(Math.round(value))
      : String(Number(value.toFixed(3)));
}

/** The query of the things behind a point or row: those of the chart, of the filters of the page, and of the group. */
export function queryBehind(draft: ChartDraft, filter: Record<string, string>, group: string | null): string {
  const conditions = Object.entries(filter)
    .filter(([name]) => name !== 'after' && name !== 'before')
    .map(([name, value]) => `${name}:${valueText(value)}`);
  if (draft.by && group) conditions.push(`${draft.by}:${valueText(group)}`);
  const own = draft.q.trim();
  if (own === '') return conditions.join(' ');
  return [conditions.length > 0 && / OR /.test(own) ? `(${own})` : own, ...conditions].join(' ');
}
