// The figures of the period in one line, each against the period of the same length before it.
import { useMemo } from 'react';
import type { AggregateAnswer } from '../api/types';
import { text } from '../lib/text';
import { changeOf, measured } from '../model/buckets';
import { formatCost, formatCount, formatDuration } from '../model/format';
import { useAggregate } from '../state/analytics';
import classes from './analytics-tiles.module.css';

const OF_CONVERSATIONS = [
  { distinct: { field: 'user_id' } },
  'error_share' as const,
  { sum: { field: 'cost' } },
  { sum: { field: 'usage.total' } },
  { sum: { field: 'usage.input' } },
  { sum: { field: 'usage.cache_read' } },
  { ratio: { of: { distinct: { field: 'session_id' } }, to: { distinct: { field: 'user_id' } } } },
];
const OF_MESSAGES = [{ percentiles: { field: 'duration_ms', of: [95] } }];

interface Props {
  filter: Record<string, string>;
  after: string;
}

interface Figures {
  conversations: number;
  messages: number;
  users: number | null;
  sessions: number | null;
  failed: number | null;
  latency: number | null;
  cost: number | null;
  tokens: number | null;
  cached: number | null;
}

function figuresOf(conversations?: AggregateAnswer, messages?: AggregateAnswer): Figures | null {
  if (!conversations || !messages) return null;
  const row = conversations.items[0];
  const at = (index: number) => (row ? measured(row, index) : null);
  const input = at(4);
  return {
    conversations: conversations.matched,
    messages: messages.matched,
    users: at(0),
    sessions: at(6),
    failed: at(1),
    latency: messages.items[0] ? measured(messages.items[0], 0) : null,
    cost: at(2),
    tokens: at(3),
    cached: input ? (at(5) ?? 0) / input : null,
  };
}

function useFigures(filter: Record<string, string>, period: { after: string; before?: string }): Figures | null {
  const { model: _, ...ofMessages } = filter;
  const conversations = useAggregate({
    of: 'conversations',
    metrics: OF_CONVERSATIONS,
    filter: { ...filter, ...period },
  });
  const messages = useAggregate({
    of: 'spans',
    metrics: OF_MESSAGES,
    filter: { ...ofMessages, ...period, kind: 'message' },
  });
  return figuresOf(conversations.data, messages.data);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

const FORMATS: Record<keyof Figures, (value: number) => string> = {
  conversations: formatCount,
  messages: formatCount,
  users: formatCount,
  sessions: (value) => value.toFixed(1),
  failed: percent,
  latency: formatDuration,
  cost: formatCost,
  tokens: formatCount,
  cached: percent,
};

export function AnalyticsTiles({ filter, after }: Props) {
  const earlier = useMemo(() => {
    const start = Date.parse(after);
    return new Date(2 * start - Math.floor(Date.now() / 60_000) * 60_000).toISOString();
  }, [after]);
  const now = useFigures(filter, { after });
  const before = useFigures(filter, { after: earlier, before: after });
  return (
    <Tiles
      tiles={(Object.keys(FORMATS) as (keyof Figures)[]).map((name) => {
        const value = now?.[name] ?? null;
        return {
          name: text.analytics.tiles[name],
          value: value === null ? null : FORMATS[name](value),
          change: changeOf(value, before?.[name] ?? null),
        };
      })}
    />
  );
}

interface Tile {
  name: string;
  value: string | null;
  /** Against the time before. */
  change?: string | null;
}

export function Tiles({ tiles }: { tiles: Tile[] }) {
  return (
    <dl className={classes.tiles}>
      {tiles.map(({ name, value, change }) => (
        <div key={name} className={classes.tile}>
          <dt>{name}</dt>
          <dd>
            <span className={classes.value}>{value ?? '–'}</span>
            {change && (
              <span className={classes.change} title={text.analytics.before(change)}>
                {change}
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
