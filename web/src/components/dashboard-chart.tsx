// One chart of a dashboard: lines or bars over time, a number against the time before, or a table of groups.
import { ActionIcon } from '@mantine/core';
import { IconArrowLeft, IconArrowRight, IconPencil, IconTrash } from '@tabler/icons-react';
import { type ReactNode, useMemo } from 'react';
import type { DashboardChart } from '../api/types';
import { text } from '../lib/text';
import { changeOf, measured } from '../model/buckets';
import {
  bodyOfChart,
  type ChartDraft,
  draftOfChart,
  emptyOf,
  formatOf,
  isOverTime,
  linesOf,
  needsField,
  queryBehind,
} from '../model/dashboards';
import { useAggregate, useUserNames } from '../state/analytics';
import type { AnalyticsView, Stretch } from '../state/analytics-view';
import { Chart, type Series } from './chart';
import classes from './dashboard-chart.module.css';
import tableClasses from './table.module.css';

const words = text.boards;

export interface ChartTools {
  onChange: () => void;
  onRemove: () => void;
  onEarlier: (() => void) | undefined;
  onLater: (() => void) | undefined;
}

interface Props {
  chart: DashboardChart;
  view: AnalyticsView;
  tools?: ChartTools | undefined;
}

export function DashboardChartView({ chart, view, tools }: Props) {
  const { filter, after, before, bucketing, offset } = view;
  const draft = useMemo(() => draftOfChart(chart), [chart]);
  const over = useMemo(() => ({ ...filter, after, before }), [filter, after, before]);
  const body = useMemo(() => bodyOfChart(chart, over, bucketing, offset), [chart, over, bucketing, offset]);
  const { data, error } = useAggregate(body);
  const names = useUserNames(over, draft.by === 'user_id');
  const format = useMemo(() => formatOf(draft), [draft]);
  const span = useMemo(
    () => ({ from: Date.parse(after), to: Date.parse(before), length: bucketing.length }),
    [after, before, bucketing],
  );
  const open = (group: string | null, time: Stretch) => {
    const q = queryBehind(draft, filter, group);
    if (draft.of === 'spans') view.steps(queryBehind(draft, {}, group), time);
    else view.open({ q, since: '', channel: '', user: '', model: '', ...time });
  };
  const lines = useMemo(() => linesOf(data, chart.aggregate, span, emptyOf(draft)), [data, chart, span, draft]);
  const series = useMemo(() => seriesOf(lines.groups, draft, names), [lines, draft, names]);
  const buttons = tools && <Tools title={chart.title} tools={tools} />;
  if (error && !data) {
    return (
      <Card title={chart.title} tools={buttons}>
        <p className={classes.problem} role="alert">
          {error.message}
        </p>
      </Card>
    );
  }
  if (isOverTime(chart.shown_as)) {
    return (
      <div className={classes.drawn} data-chart={chart.title}>
        <Chart
          title={chart.title}
          columns={lines.columns}
          series={series}
          bars={chart.shown_as === 'bars' && series.length === 1}
          format={format}
          tools={buttons}
          onPick={(from, to) => open(null, { after: new Date(from).toISOString(), before: new Date(to).toISOString() })}
        />
      </div>
    );
  }
  if (chart.shown_as === 'number') {
    const value = data?.items[0] ? measured(data.items[0], 0) : null;
    const earlier = data?.previous?.items[0] ? measured(data.previous.items[0], 0) : null;
    const change = changeOf(value, earlier);
    return (
      <Card title={chart.title} tools={buttons}>
        <button type="button" className={classes.number} onClick={() => open(null, { after, before })}>
          {value === null ? '–' : format(value)}
          {change && <small title={text.analytics.before(change)}>{change}</small>}
        </button>
      </Card>
    );
  }
  return (
    <Card title={chart.title} tools={buttons}>
      <section className={classes.table} tabIndex={0} aria-label={chart.title}>
        <table className={tableClasses.table}>
          <thead>
            <tr>
              <th scope="col">{draft.by ? fieldName(draft.by) : words.all}</th>
              <th scope="col">{measureName(draft)}</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((row) => {
              const group = row.group[0] == null ? null : String(row.group[0]);
              const value = measured(row, 0);
              return (
                <tr key={group ?? ''}>
                  <th scope="row">
                    <button
                      type="button"
                      className={tableClasses.open}
                      title={group ?? undefined}
                      onClick={() => open(group, { after, before })}
                    >
                      {nameOf(group, names) ?? (draft.by ? text.analytics.none : words.all)}
                    </button>
                  </th>
                  <td>{value === null ? '–' : format(value)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {data?.items.length === 0 && <p className={classes.nothing}>{text.analytics.nothing}</p>}
      </section>
    </Card>
  );
}

/** What a field is called; a path is called as it is. */
export function fieldName(field: string): string {
  return words.names[field] ?? field;
}

function measureName({ measure, field }: ChartDraft): string {
  if (!needsField(measure)) return words.measures[measure];
  return words.measured(words.measures[measure], words.names[field]?.toLowerCase() ?? field);
}

/** What a group is called: a user by name, where it has one. */
function nameOf(group: string | null, names: ReadonlyMap<string, string>): string | null {
  return group === null ? null : (names.get(group) ?? group);
}

function seriesOf(groups: (string | null)[], draft: ChartDraft, names: ReadonlyMap<string, string>): Series[] {
  return groups.map((group, at) => ({
    label: group === null ? measureName(draft) : nameOf(group, names) || text.analytics.none,
    colour: `--nt-series-${at + 1}`,
  }));
}

function Card({ title, tools, children }: { title: string; tools: ReactNode; children: ReactNode }) {
  return (
    <div className={classes.card} data-chart={title}>
      {tools}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

function Tools({ title, tools }: { title: string; tools: ChartTools }) {
  const all = [
    { label: words.earlier(title), icon: IconArrowLeft, run: tools.onEarlier },
    { label: words.later(title), icon: IconArrowRight, run: tools.onLater },
    { label: words.change(title), icon: IconPencil, run: tools.onChange },
    { label: words.removeChart(title), icon: IconTrash, run: tools.onRemove },
  ];
  return (
    <div className={classes.tools}>
      {all.map(
        ({ label, icon: Shape, run }) =>
          run && (
            <ActionIcon
              key={label}
              variant="subtle"
              color="gray"
              size={26}
              aria-label={label}
              title={label}
              onClick={run}
            >
              <Shape size={15} stroke={1.8} />
            </ActionIcon>
          ),
      )}
    </div>
  );
}
