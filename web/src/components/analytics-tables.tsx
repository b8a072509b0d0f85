// Who and what the figures come from: models, kinds of steps, users, channels and the reasons of failures.
import type { ReactNode } from 'react';
import type { AggregateBody, AggregateRow } from '../api/types';
import { text } from '../lib/text';
import { measured } from '../model/buckets';
import { formatCost, formatCount, formatDuration } from '../model/format';
import { useAggregate } from '../state/analytics';
import classes from './analytics-tables.module.css';
import { kindName } from './kind-icon';

const TOP = 10;
const words = text.analytics.columns;

interface Column {
  name: string;
  value: (row: AggregateRow) => string;
}

function shown(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}
const share = (value: number) => (value === 0 ? '0' : `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`);
const count = (name: string): Column => ({ name, value: (row) => row.count.toLocaleString('en-US') });
const at = (name: string, index: number, format: (value: number) => string, part = 0): Column => ({
  name,
  value: (row) => shown(measured(row, index, part), format),
});

const OF_STEPS = [
  { percentiles: { field: 'duration_ms', of: [50, 95] } },
  'error_share' as const,
  { sum: { field: 'usage.total' } },
  { sum: { field: 'cost' } },
];
const OF_CONVERSATIONS = ['error_share' as const, { sum: { field: 'usage.total' } }, { sum: { field: 'cost' } }];

const STEP_COLUMNS = [
  at(words.p50, 0, formatDuration),
  at(words.p95, 0, formatDuration, 1),
  at(words.errors, 1, share),
];
const SPENT = (from: number) => [at(words.tokens, from, formatCount), at(words.cost, from + 1, formatCost)];

interface Props {
  filter: Record<string, string>;
  onOpen: (search: Record<string, string>) => void;
}

export function AnalyticsTables({ filter, onOpen }: Props) {
  const by = (field: string, of: 'spans' | 'conversations', extra: Record<string, string> = {}): AggregateBody => ({
    of,
    group_by: [{ field, top: TOP }],
    metrics: of === 'spans' ? OF_STEPS : OF_CONVERSATIONS,
    filter: { ...filter, ...extra },
  });
  const { tables } = text.analytics;
  return (
    <div className={classes.tables}>
      <Table
        title={tables.models}
        body={by('model', 'spans', { kind: 'generation' })}
        columns={[count(words.calls), ...STEP_COLUMNS, ...SPENT(2)]}
        onOpen={(model) => onOpen({ model })}
      />
      <Table
        title={tables.users}
        body={by('user_id', 'conversations')}
        columns={[count(words.conversations), at(words.errors, 0, share), ...SPENT(1)]}
        onOpen={(user) => onOpen({ user })}
      />
      <Table
        title={tables.kinds}
        body={by('kind', 'spans')}
        columns={[count(words.steps), ...STEP_COLUMNS]}
        label={kindName}
      />
      <Table
        title={tables.channels}
        body={by('channel_id', 'conversations')}
        columns={[count(words.conversations), at(words.errors, 0, share), ...SPENT(1)]}
        onOpen={(channel) => onOpen({ channel })}
      />
      <Table
        title={tables.failures}
        body={by('status_message', 'spans', { status: 'error' })}
        columns={[count(words.steps)]}
        onOpen={() => onOpen({ status: 'error' })}
      />
    </div>
  );
}

interface TableProps {
  title: string;
  body: AggregateBody;
  columns: Column[];
  label?: (value: string) => ReactNode;
  onOpen?: (value: string) => void;
}

function Table({ title, body, columns, label, onOpen }: TableProps) {
  const { data } = useAggregate(body);
  const rows = (data?.items ?? []).filter((row) => row.group[0] !== null);
  if (rows.length === 0) return null;
  return (
    <section className={classes.frame} tabIndex={0} aria-label={title}>
      <table className={classes.table}>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{words.name}</th>
            {columns.map(({ name }) => (
              <th key={name} scope="col" data-number>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const name = String(row.group[0]);
            return (
              <tr key={name}>
                <th scope="row">
                  {onOpen ? (
                    <button type="button" className={classes.open} title={name} onClick={() => onOpen(name)}>
                      {label?.(name) ?? name}
                    </button>
                  ) : (
                    (label?.(name) ?? name)
                  )}
                </th>
                {columns.map((column) => (
                  <td key={column.name}>{column.value(row)}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
