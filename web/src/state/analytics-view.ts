// What the charts are about, by the address: which time, whose figures, and where a point of them leads.
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Bucketing, bucketingOf, zoneOffset } from '../model/buckets';
import { sinceTime } from '../model/period';
import { valueText } from '../model/query';
import { analyticsRoute } from '../router';
import { useNow } from './clock';

const DEFAULT_PERIOD = '7d';
const MINUTE_MS = 60_000;

export interface Stretch {
  after: string;
  before: string;
}

export interface AnalyticsView extends Stretch {
  period: string;
  filter: Record<string, string>;
  bucketing: Bucketing;
  offset: string;
  /** The grouping over time. */
  group: { time: Bucketing['time']; every: number; offset: string }[];
  /** Whether the time before is drawn. */
  previous: boolean;
  /** Leads to the conversations behind a figure. */
  open: (search: Record<string, string>) => void;
  /** Leads to the steps behind a figure, the slowest first. */
  steps: (condition: string, time: Stretch) => void;
}

export function useAnalyticsView(): AnalyticsView {
  const search = analyticsRoute.useSearch();
  const navigate = useNavigate({ from: '/analytics' });
  const { channel, user, model } = search;
  const period = search.since ?? DEFAULT_PERIOD;
  // To the minute, so that drawing the page again asks for nothing anew before the next one.
  const minute = Math.floor(useNow(MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
  const after = sinceTime(period, minute) ?? sinceTime(DEFAULT_PERIOD, minute)!;
  const before = new Date(minute + MINUTE_MS).toISOString();
  const bucketing = useMemo(() => bucketingOf(period), [period]);
  const offset = zoneOffset(new Date(minute));
  const group = useMemo(() => [{ time: bucketing.time, every: bucketing.every, offset }], [bucketing, offset]);
  const filter = useMemo(() => {
    const given = Object.entries({ channel_id: channel, user_id: user, model });
    return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }, [channel, user, model]);
  const open = (part: Record<string, string>) =>
    void navigate({ to: '/', search: { channel, user, model, since: period, ...part } });
  const steps = (condition: string, time: Stretch) => {
    // A model is said of the step that called it, never of the message.
    const conditions = Object.entries({ channel, user, model }).flatMap(([name, value]) =>
      value && !(name === 'model' && condition === 'kind:message') ? [`${name}:${valueText(value)}`] : [],
    );
    const q = [condition, ...conditions, `after:${time.after}`, `before:${time.before}`].filter(Boolean).join(' ');
    void navigate({ to: '/search', search: { q, sort: 'duration' } });
  };
  return { period, after, before, filter, bucketing, offset, group, previous: search.earlier !== 'off', open, steps };
}
