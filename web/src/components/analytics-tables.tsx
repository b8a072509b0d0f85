// Who and what the figures come from: models, kinds of steps, users, channels and the reasons of failures.
import type { ReactNode } from 'react';
import type { AggregateBody, AggregateRow } from '../api/types';
import { text } from '../lib/text';
import { measured } from '../model/buckets';
import { formatCost, formatCount, formatDuration } from '../model/format';
import { valueText } from '../model/query';
import { useAggregate, useUserNames } from '../state/analytics';
import classes from './analytics-tables.module.css';
import { kindName } from './kind-icon';
import tableClasses from './table.module.css';

/** Rows of a table; one more is asked for, since those without a value are none. */
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
  { sum: { field: 'duration_ms' } },
];
const OF_CONVERSATIONS = ['error_share' as const, { sum: { field: 'usage.total' } }, { sum: { field: 'cost' } }];

const STEP_COLUMNS = [
  at(words.p50, 0, formatDuration),
  at(words.p95, 0, formatDuration, 1),
  at(words.errors, 1, share),
];
const SPENT = (from: number) => [at(words.tokens, from, formatCount), at(words.cost, from + 1, formatCost)];

const BY_TIME: Column[] = [count(words.steps), at(words.time, 4, formatDuration), ...STEP_COLUMNS];

interface Props {
  filter: Record<string, string>;
  onOpen: (search: Record<string, string>) => void;
  /** Leads to the slowest steps of the condition. */
  onSteps: (condition: string) => void;
}

export function AnalyticsTables({ filter, onOpen, onSteps }: Props) {
  const by = (field: string, of: 'spans' | 'conversations', extra: Record<string, string> = {}): AggregateBody => ({
    of,
    group_by: [{ field, top: TOP }],
    metrics: of === 'spans' ? OF_STEPS : OF_CONVERSATIONS,
    filter: { ...filter, ...extra },
  });
  const { tables } = text.analytics;
  const names = useUserNames(filter);
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
        body={{ ...by('user_id', 'conversations'), group_by: [{ field: 'user_id', top: TOP + 1, by: 2 }] }}
        columns={[count(words.conversations), at(words.errors, 0, share), ...SPENT(1)]}
        order={(row) => measured(row, 2) ?? 0}
        label={(id) => names.get(id) ?? id}
        onOpen={(user) => onOpen({ user })}
      />
      <Table
        title={tables.names}
        body={{ ...by('name', 'spans'), group_by: [{ field: 'name', top: TOP + 1, by: 4 }] }}
        columns={BY_TIME}
        order={(row) => measured(row, 4) ?? 0}
        onOpen={(name) => onSteps(`name:${valueText(name)}`)}
      />
      <Table
        title={tables.kinds}
        body={by('kind', 'spans')}
        columns={[count(words.steps), ...STEP_COLUMNS]}
        label={kindName}
        onOpen={(kind) => onOpen({ q: `kind:${valueText(kind)}` })}
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
        onOpen={(message) => onOpen({ q: `status_message:${valueText(message)}` })}
      />
    </div>
  );
}

/** What is asked for what the cost of conversations is made of: the models, or the steps that call them. */
export function costOf(field: 'model' | 'name', filter: Record<string, string>): AggregateBody {
  return {
    of: 'spans',
    group_by: [{ field, top: 100, by: 3 }],
    metrics: OF_STEPS,
    filter: { ...filter, q: 'cost_counted:true' },
  };
}

/** What the cost of a few conversations is made of: models, and the steps that call them. */
export function CostTables({ filter, onSteps }: Omit<Props, 'onOpen'>) {
  const { tables } = text.analytics;
  const columns = [count(words.calls), ...SPENT(2)];
  const order = (row: AggregateRow) => measured(row, 3) ?? 0;
  return (
    <div className={classes.tables}>
      <Table
        title={tables.models}
        body={costOf('model', filter)}
        columns={columns}
        order={order}
        onOpen={(model) => onSteps(`model:${valueText(model)}`)}
      />
      <Table
        title={tables.spenders}
        body={costOf('name', filter)}
        columns={columns}
        order={order}
        onOpen={(name) => onSteps(`name:${valueText(name)}`)}
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
  /** What comes first is the greatest of this; else as the server has it, the most frequent. */
  order?: (row: AggregateRow) => number;
}

function Table({ title, body, columns, label, onOpen, order }: TableProps) {
  const { data } = useAggregate(body);
  const found = (data?.items ?? []).filter((row) => row.group[0] !== null);
  const rows = order ? found.sort((a, b) => order(b) - order(a)).slice(0, TOP) : found;
  if (rows.length === 0) return null;
  return (
    <section className={tableClasses.frame} tabIndex={0} aria-label={title}>
      <table className={tableClasses.table}>
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
                    <button type="button" className={tableClasses.open} title={name} onClick={() => onOpen(name)}>
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
