// A dashboard: its charts, and for editors how they are put together.
import { Button, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Dashboard, DashboardChart } from '../api/types';
import { text } from '../lib/text';
import { draftOfChart, NEW_CHART } from '../model/dashboards';
import classes from '../pages/analytics.module.css';
import type { AnalyticsSearch } from '../router';
import type { AnalyticsView } from '../state/analytics-view';
import { useChangeDashboards } from '../state/dashboards';
import { useMayEdit } from '../state/queries';
import { offerUndo } from '../state/undo';
import { ChartForm } from './chart-form';
import { ConfirmButton } from './confirm-button';
import { DashboardChartView } from './dashboard-chart';
import { Problem } from './problem';

const words = text.boards;

/** Which chart is in the form: one that is there, or a new one. */
type Changing = number | 'new' | null;

export function DashboardView({ board, view }: { board: Dashboard; view: AnalyticsView }) {
  const navigate = useNavigate({ from: '/analytics' });
  const mayChange = useMayEdit();
  const [changing, setChanging] = useState<Changing>(null);
  const [name, setName] = useState(board.name);
  const change = useChangeDashboards();
  const set = (next: (board: Dashboard) => Dashboard) =>
    change.mutateAsync((items) => items.map((each) => (each.id === board.id ? next(each) : each)));
  const charts = (next: (charts: DashboardChart[]) => DashboardChart[]) =>
    set((each) => ({ ...each, charts: next(each.charts) }));
  const save = (chart: DashboardChart) =>
    charts((all) =>
      changing === 'new' ? [...all, chart] : all.map((each, at) => (at === changing ? chart : each)),
    ).then(
      () => setChanging(null),
      // The problem is told below; what was typed stays.
      () => undefined,
    );
  const move = (at: number, by: number) =>
    void charts((all) => {
      const next = [...all];
      const [chart] = next.splice(at, 1);
      if (chart) next.splice(at + by, 0, chart);
      return next;
    }).catch(() => undefined);
  const removeChart = async (at: number) => {
    const chart = board.charts[at];
    if (!chart) return;
    try {
      await charts((all) => all.filter((_, each) => each !== at));
    } catch {
      // The problem is told below.
      return;
    }
    const putBack = (all: DashboardChart[]) => [...all.slice(0, at), chart, ...all.slice(at)];
    offerUndo({ message: words.chartRemoved(chart.title), undo: async () => void (await charts(putBack)) });
  };
  const remove = () =>
    change.mutate((items) => items.filter(({ id }) => id !== board.id), {
      onSuccess: () => void navigate({ search: (before: AnalyticsSearch) => ({ ...before, board: undefined }) }),
    });
  return (
    <>
      {mayChange && (
        <div className={classes.boardTools}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (name.trim()) void set((each) => ({ ...each, name: name.trim() })).catch(() => undefined);
            }}
          >
            <TextInput
              size="xs"
              aria-label={words.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button size="xs" type="submit" variant="default" disabled={!name.trim() || name.trim() === board.name}>
              {words.rename}
            </Button>
          </form>
          <Button size="xs" leftSection={<IconPlus size={15} />} onClick={() => setChanging('new')}>
            {words.addChart}
          </Button>
          <ConfirmButton label={words.remove} title={words.removeTitle} help={words.removeHelp} onConfirm={remove} />
        </div>
      )}
      <Problem error={change.error} />
      {changing !== null && (
        <ChartForm
          key={changing}
          first={changing === 'new' ? NEW_CHART : draftOfChart(board.charts[changing]!)}
          view={view}
          busy={change.isPending}
          onSave={(chart) => void save(chart)}
          onCancel={() => setChanging(null)}
        />
      )}
      {board.charts.length === 0 && changing === null && <p className={classes.nothing}>{words.empty}</p>}
      <div className={classes.charts}>
        {board.charts.map((chart, at) => (
          <DashboardChartView
            // biome-ignore lint/suspicious/noArrayIndexKey: charts have no other name than their place
            key={at}
            chart={chart}
            view={view}
            tools={
              mayChange
                ? {
                    onChange: () => setChanging(at),
                    onRemove: () => void removeChart(at),
                    onEarlier: at > 0 ? () => move(at, -1) : undefined,
                    onLater: at < board.charts.length - 1 ? () => move(at, 1) : undefined,
                  }
                : undefined
            }
          />
        ))}
      </div>
    </>
  );
}
