// How the application is used, how fast it is, and what it costs; every point and row leads to the conversations behind it.
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { AnalyticsTables } from '../components/analytics-tables';
import { AnalyticsTiles } from '../components/analytics-tiles';
import { Chart, type ChartProps, type Series } from '../components/chart';
import { ErrorState } from '../components/error-state';
import { ChoiceSelect, FacetSelect } from '../components/filter-select';
import { text } from '../lib/text';
import {
  type Bucketing,
  bucketingOf,
  type Columns,
  columnsOf,
  measured,
  type Reading,
  zoneOffset,
} from '../model/buckets';
import { formatCost, formatCount, formatDuration } from '../model/format';
import { sinceTime } from '../model/period';
import { type AnalyticsSearch, analyticsRoute } from '../router';
import { useAggregate } from '../state/analytics';
import classes from './analytics.module.css';

const PERIODS = Object.entries(text.analytics.periods).map(([value, label]) => ({ value, label }));
const DEFAULT_PERIOD = '7d';

const words = text.analytics.charts;
const names = text.analytics.series;
const ONE = (label: string): Series[] => [{ label, colour: '--nt-brand-line' }];
const CONVERSATIONS = ONE(words.conversations);
const USERS = ONE(words.users);
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
];
const readConversations: Reading = (row) => [row.count, ...OF_CONVERSATIONS.map((_, at) => measured(row, at))];
const readCount: Reading = (row) => [row.count];
const readLatency: Reading = (row) => [row.count, ...PERCENTILES.map((_, at) => measured(row, 0, at))];

function pickOf(columns: Columns, ...at: number[]): Columns {
  return { times: columns.times, series: at.map((index) => columns.series[index] ?? []) };
}

function filterOf({ channel, user, model }: AnalyticsSearch): Record<string, string> {
  const given = Object.entries({ channel_id: channel, user_id: user, model });
  return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

export function AnalyticsPage() {
  const search = analyticsRoute.useSearch();
  const navigate = useNavigate({ from: '/analytics' });
  const period = search.since ?? DEFAULT_PERIOD;
  // To the minute, so that drawing the page again asks for nothing anew.
  const after = useMemo(() => sinceTime(period, Date.now()) ?? sinceTime(DEFAULT_PERIOD, Date.now())!, [period]);
  const bucketing = useMemo(() => bucketingOf(period), [period]);
  const group = useMemo(() => grouping(bucketing), [bucketing]);
  const common = useMemo(() => ({ ...filterOf(search), after }), [search, after]);

  const conversations = useAggregate({
    of: 'conversations',
    group_by: group,
    metrics: OF_CONVERSATIONS,
    filter: common,
  });
  // A model is said of the step that called it, never of the message; messages are then those of all models.
  const { model: _, ...ofMessages } = common as Record<string, string>;
  const messages = useAggregate({
    of: 'spans',
    group_by: group,
    metrics: [{ percentiles: { field: 'duration_ms', of: PERCENTILES } }],
    filter: { ...ofMessages, kind: 'message' },
  });
  const errors = useAggregate({ of: 'spans', group_by: group, metrics: [], filter: { ...common, status: 'error' } });

  useEffect(() => {
    document.title = `${text.analytics.title} · ${text.product}`;
  }, []);

  const span = useMemo(
    () => ({ from: Date.parse(after), to: Date.now(), length: bucketing.length }),
    [after, bucketing],
  );
  const ofConversations = useMemo(
    () => columnsOf(conversations.data?.items ?? [], readConversations, OF_CONVERSATIONS.length + 1, span, 0),
    [conversations.data, span],
  );
  const latency = useMemo(
    () => columnsOf(messages.data?.items ?? [], readLatency, PERCENTILES.length + 1, span, null),
    [messages.data, span],
  );
  const failed = useMemo(() => columnsOf(errors.data?.items ?? [], readCount, 1, span, 0), [errors.data, span]);
  const change = (part: Partial<AnalyticsSearch>) =>
    void navigate({ search: (before: AnalyticsSearch) => ({ ...before, ...part }), replace: true });
  const open = (part: Record<string, string>) =>
    void navigate({
      to: '/',
      search: { channel: search.channel, user: search.user, model: search.model, since: period, ...part },
    });
  const pick =
    (extra: Record<string, string> = {}) =>
    (from: number, to: number) =>
      open({ since: '', after: new Date(from).toISOString(), before: new Date(to).toISOString(), ...extra });

  const charts = useMemo(() => chartsOf(ofConversations, latency, failed), [ofConversations, latency, failed]);
  const error = conversations.error ?? messages.error ?? errors.error;
  if (error && !conversations.data) return <ErrorState error={error} onRetry={() => void conversations.refetch()} />;
  const { sections } = text.analytics;
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={text.analytics.title}>
      <div className={classes.page}>
        <header className={classes.head}>
          <h1 className={classes.title}>{text.analytics.title}</h1>
          <ChoiceSelect
            label={text.analytics.periods[period] ?? text.analytics.period}
            choices={PERIODS}
            value={search.since}
            onChange={(since) => change({ since })}
          />
          <FacetSelect
            label={text.list.channel}
            field="channel_id"
            value={search.channel}
            onChange={(channel) => change({ channel })}
          />
          <FacetSelect
            label={text.list.user}
            field="user_id"
            value={search.user}
            onChange={(user) => change({ user })}
          />
          <FacetSelect
            label={text.list.model}
            field="model"
            value={search.model}
            onChange={(model) => change({ model })}
          />
          <span className={classes.hint}>{text.analytics.pick}</span>
        </header>
        <AnalyticsTiles filter={filterOf(search)} after={after} />
        {conversations.data?.matched === 0 && (
          <p className={classes.nothing} role="status">
            {text.analytics.nothing}
          </p>
        )}
        {Object.entries(charts).map(([section, drawn]) => (
          <ChartSection key={section} title={sections[section as keyof typeof sections]} charts={drawn} onPick={pick} />
        ))}
        <AnalyticsTables filter={common} onOpen={open} />
        {messages.data && (
          <p className={classes.exact}>
            {text.analytics.exact(`${(messages.data.percentile_error * 100).toFixed(1)} %`)}
          </p>
        )}
      </div>
    </div>
  );
}

function grouping({ time, every }: Bucketing) {
  return [{ time, every, offset: zoneOffset(new Date()) }];
}

type Drawn = Omit<ChartProps, 'onPick'> & {
  /** What more the list behind a point is narrowed to. */
  behind?: Record<string, string>;
};

/** The charts of each section, in the order of the page. */
function chartsOf(conversations: Columns, latency: Columns, failed: Columns): Record<string, Drawn[]> {
  const counts = { bars: true, whole: true, format: formatCount };
  const messages = { times: latency.times, series: [(latency.series[0] ?? []).map((value) => value ?? 0)] };
  return {
    usage: [
      { ...counts, title: words.conversations, columns: pickOf(conversations, 0), series: CONVERSATIONS },
      { ...counts, title: words.messages, columns: messages, series: MESSAGES },
      { ...counts, title: words.users, columns: pickOf(conversations, 1), series: USERS },
      { ...counts, title: words.sessions, columns: pickOf(conversations, 2), series: SESSIONS },
    ],
    performance: [
      { title: words.latency, columns: pickOf(latency, 1, 2, 3), series: LATENCY, format: formatDuration },
      { ...counts, title: words.errors, columns: failed, series: ERRORS, behind: { status: 'error' } },
      { ...counts, bars: false, title: words.feedback, columns: pickOf(conversations, 7, 8), series: FEEDBACK },
    ],
    cost: [
      { title: words.cost, columns: pickOf(conversations, 3), series: COST, bars: true, format: formatCost },
      { ...counts, bars: false, title: words.tokens, columns: pickOf(conversations, 4, 5, 6), series: TOKENS },
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
