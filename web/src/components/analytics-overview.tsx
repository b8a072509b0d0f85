// The charts that every project has: usage, performance, cost and tokens, and the tables of whom they come from.
import { useMemo } from 'react';
import type { AggregateAnswer } from '../api/types';
import { text } from '../lib/text';
import { FIRST_TOKEN } from '../model/attributes';
import { type Columns, columnsOf, earlierOf, measured, type Reading } from '../model/buckets';
import { formatCost, formatCount, formatDuration } from '../model/format';
import classes from '../pages/analytics.module.css';
import { useAggregate } from '../state/analytics';
import type { AnalyticsView } from '../state/analytics-view';
import { AnalyticsTables } from './analytics-tables';
import { AnalyticsTiles } from './analytics-tiles';
import { Chart, type ChartProps, type Series } from './chart';
import { ErrorState } from './error-state';

/** What the list behind a point of the feedback is narrowed to. */
const JUDGED = 'feedback.positive:>0 OR feedback.negative:>0';

const words = text.analytics.charts;
const names = text.analytics.series;
const ONE = (label: string): Series[] => [{ label, colour: '--nt-brand-line' }];
const CONVERSATIONS = ONE(words.conversations);
const USERS: Series[] = [
  { label: words.users, colour: '--nt-brand-line' },
  { label: names.newcomers, colour: '--nt-amber' },
];
const WORDS: Series[] = [
  { label: names.asked, colour: '--nt-brand-line' },
  { label: names.answered, colour: '--nt-amber' },
];
const SESSIONS = ONE(words.sessions);
const MESSAGES = ONE(words.messages);
const COST = ONE(words.cost);
const ERRORS: Series[] = [{ label: words.errors, colour: '--nt-red' }];
const TOKENS: Series[] = [
  { label: names.input, colour: '--nt-brand-line' },
  { label: names.output, colour: '--nt-amber' },
  { label: names.cached, colour: '--nt-muted' },
];
const FEEDBACK: Series[] = [
  { label: names.positive, colour: '--nt-green' },
  { label: names.negative, colour: '--nt-red' },
];
const PERCENTILES = [50, 95, 99];
const LATENCY: Series[] = [
  { label: 'p50', colour: '--nt-brand-line' },
  { label: 'p95', colour: '--nt-amber' },
  { label: 'p99', colour: '--nt-red' },
];

/** What is measured of conversations, in this order. */
const OF_CONVERSATIONS = [
  { distinct: { field: 'user_id' } },
  { distinct: { field: 'session_id' } },
  { sum: { field: 'cost' } },
  { sum: { field: 'usage.input' } },
  { sum: { field: 'usage.output' } },
  { sum: { field: 'usage.cache_read' } },
  { sum: { field: 'feedback.positive' } },
  { sum: { field: 'feedback.negative' } },
  { new: { field: 'user_id' } },
  { ratio: { of: { sum: { field: 'input_words' } }, to: { sum: { field: 'turns' } } } },
  { ratio: { of: { sum: { field: 'output_words' } }, to: { sum: { field: 'turns' } } } },
];
const FIRST = `attributes.${FIRST_TOKEN}`;
const readConversations: Reading = (row) => [row.count, ...OF_CONVERSATIONS.map((_, at) => measured(row, at))];
const readCount: Reading = (row) => [row.count];
const readLatency: Reading = (row) => [row.count, ...PERCENTILES.map((_, at) => measured(row, 0, at))];
const readFirst: Reading = (row) => [0, 1].map((at) => toMillis(measured(row, 0, at)));

function toMillis(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

function pickOf(columns: Columns, ...at: number[]): Columns {
  return { times: columns.times, series: at.map((index) => columns.series[index] ?? []) };
}

export function AnalyticsOverview({ view }: { view: AnalyticsView }) {
  const { filter, after, before, bucketing, group, previous, open, steps } = view;
  const common = useMemo(() => ({ ...filter, after, before }), [filter, after, before]);
  const conversations = useAggregate({
    of: 'conversations',
    group_by: group,
    metrics: OF_CONVERSATIONS,
    filter: common,
    previous,
  });
  // A model is said of the step that called it, never of the message; messages are then those of all models.
  const { model: _, ...ofMessages } = common as Record<string, string>;
  const messages = useAggregate({
    of: 'spans',
    group_by: group,
    metrics: [{ percentiles: { field: 'duration_ms', of: PERCENTILES } }],
    filter: { ...ofMessages, kind: 'message' },
    previous,
  });
  const first = useAggregate({
    of: 'spans',
    group_by: group,
    metrics: [{ percentiles: { field: FIRST, of: [50, 95] } }],
    filter: { ...common, q: `kind:generation has:${FIRST}` },
    previous,
  });
  const errors = useAggregate({
    of: 'spans',
    group_by: group,
    metrics: [],
    filter: { ...common, status: 'error' },
    previous,
  });

  const span = useMemo(
    () => ({ from: Date.parse(after), to: Date.parse(before), length: bucketing.length }),
    [after, before, bucketing],
  );
  const ofConversations = useMemo(
    () => columnsOf(conversations.data?.items ?? [], readConversations, OF_CONVERSATIONS.length + 1, span, 0),
    [conversations.data, span],
  );
  const latency = useMemo(
    () => columnsOf(messages.data?.items ?? [], readLatency, PERCENTILES.length + 1, span, null),
    [messages.data, span],
  );
  const firstToken = useMemo(() => columnsOf(first.data?.items ?? [], readFirst, 2, span, null), [first.data, span]);
  const failed = useMemo(() => columnsOf(errors.data?.items ?? [], readCount, 1, span, 0), [errors.data, span]);
  const pick =
    (extra: Record<string, string> = {}) =>
    (from: number, to: number) => {
      const { slowest, ...rest } = extra;
      const time = { after: new Date(from).toISOString(), before: new Date(to).toISOString() };
      if (slowest) steps(slowest, time);
      else open({ since: '', ...time, ...rest });
    };
  const charts = useMemo(() => {
    const shift = span.to - span.from;
    const earlier: Earlier = ({ times }, data, read, at, label, empty = 0) =>
      previous && data?.previous && data.previous.matched > 0
        ? {
            label: text.analytics.inEarlier(label),
            values: earlierOf(data.previous.items, read, at, times, bucketShift(shift, span.length), empty),
          }
        : undefined;
    return chartsOf(
      { columns: ofConversations, answer: conversations.data },
      { columns: latency, answer: messages.data },
      { columns: firstToken, answer: first.data },
      { columns: failed, answer: errors.data },
      earlier,
    );
  }, [
    ofConversations,
    latency,
    firstToken,
    failed,
    conversations.data,
    messages.data,
    first.data,
    errors.data,
    span,
    previous,
  ]);
  const error = conversations.error ?? messages.error ?? errors.error;
  if (error && !conversations.data) return <ErrorState error={error} onRetry={() => void conversations.refetch()} />;
  const { sections } = text.analytics;
  return (
    <>
      <AnalyticsTiles filter={filter} after={after} />
      {conversations.data?.matched === 0 && (
        <p className={classes.nothing} role="status">
          {text.analytics.nothing}
        </p>
      )}
      {Object.entries(charts).map(([section, drawn]) => (
        <ChartSection key={section} title={sections[section as keyof typeof sections]} charts={drawn} onPick={pick} />
      ))}
      <AnalyticsTables filter={common} onOpen={open} onSteps={(condition) => steps(condition, { after, before })} />
      {messages.data && (
        <p className={classes.exact}>
          {text.analytics.exact(`${(messages.data.percentile_error * 100).toFixed(1)} %`)}
        </p>
      )}
    </>
  );
}

type Drawn = Omit<ChartProps, 'onPick'> & {
  /** What more the list behind a point is narrowed to. */
  behind?: Record<string, string>;
};

interface Figures {
  columns: Columns;
  answer: AggregateAnswer | undefined;
}

/** The line of the time before for a number of a row. */
type Earlier = (
  columns: Columns,
  answer: Figures['answer'],
  read: Reading,
  at: number,
  label: string,
  empty?: number | null,
) => ChartProps['earlier'];

/** The length of the period in whole buckets, so that the buckets before lie over those of now. */
function bucketShift(period: number, bucket: number): number {
  return Math.round(period / bucket) * bucket;
}

/** The same where nothing happened as nothing, rather than as 0. */
function withGaps({ times, series }: Columns): Columns {
  return { times, series: series.map((values) => values.map((value) => value || null)) };
}

function formatMean(value: number): string {
  return value < 100 ? String(Number(value.toFixed(1))) : formatCount(Math.round(value));
}

/** The charts of each section, in the order of the page. */
function chartsOf(
  conversations: Figures,
  messages: Figures,
  first: Figures,
  errors: Figures,
  earlier: Earlier,
): Record<string, Drawn[]> {
  const counts = { bars: true, whole: true, format: formatCount };
  const latency = messages.columns;
  const said = { times: latency.times, series: [(latency.series[0] ?? []).map((value) => value ?? 0)] };
  const of = (title: string, at: number[], series: Series[]) => ({
    title,
    columns: pickOf(conversations.columns, ...at),
    series,
    earlier: earlier(conversations.columns, conversations.answer, readConversations, at[0]!, series[0]!.label),
  });
  const spoken = of(words.words, [10, 11], WORDS);
  return {
    usage: [
      { ...counts, ...of(words.conversations, [0], CONVERSATIONS) },
      {
        ...counts,
        title: words.messages,
        columns: said,
        series: MESSAGES,
        earlier: earlier(said, messages.answer, readCount, 0, words.messages),
      },
      { ...counts, bars: false, ...of(words.users, [1, 9], USERS) },
      { ...counts, ...of(words.sessions, [2], SESSIONS) },
      { ...spoken, columns: withGaps(spoken.columns), format: formatMean },
      { ...counts, bars: false, ...of(words.feedback, [7, 8], FEEDBACK), behind: { q: JUDGED } },
    ],
    performance: [
      {
        title: words.latency,
        columns: pickOf(latency, 1, 2, 3),
        series: LATENCY,
        format: formatDuration,
        earlier: earlier(latency, messages.answer, readLatency, 2, 'p95', null),
        behind: { slowest: 'kind:message' },
      },
      // Not every client tells it.
      ...((first.answer?.matched ?? 0) > 0
        ? [
            {
              title: words.first,
              columns: first.columns,
              series: LATENCY.slice(0, 2),
              format: formatDuration,
              earlier: earlier(first.columns, first.answer, readFirst, 1, 'p95', null),
              behind: { slowest: 'kind:generation' },
            },
          ]
        : []),
      {
        ...counts,
        title: words.errors,
        columns: errors.columns,
        series: ERRORS,
        behind: { status: 'error' },
        earlier: earlier(errors.columns, errors.answer, readCount, 0, words.errors),
      },
    ],
    cost: [
      { ...of(words.cost, [3], COST), bars: true, format: formatCost, behind: { sort: 'cost' } },
      { ...counts, bars: false, ...of(words.tokens, [4, 5, 6], TOKENS), behind: { sort: 'tokens' } },
    ],
  };
}

interface SectionProps {
  title: string;
  charts: Drawn[];
  onPick: (behind?: Record<string, string>) => (from: number, to: number) => void;
}

function ChartSection({ title, charts, onPick }: SectionProps) {
  return (
    <>
      <h2 className={classes.section}>{title}</h2>
      <div className={classes.charts}>
        {charts.map(({ behind, ...chart }) => (
          <Chart key={chart.title} {...chart} onPick={onPick(behind)} />
        ))}
      </div>
    </>
  );
}
