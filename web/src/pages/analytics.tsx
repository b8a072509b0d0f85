// How the application is used, how fast it is, and what it costs: the charts that are always there, and dashboards of one's own.
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { AnalyticsOverview } from '../components/analytics-overview';
import { DashboardView } from '../components/dashboard-view';
import { ChoiceSelect, FacetSelect, PERIODS } from '../components/filter-select';
import formClasses from '../components/form.module.css';
import { Loading } from '../components/loading';
import { Problem } from '../components/problem';
import { isolated } from '../lib/isolated';
import { newId } from '../lib/new-id';
import { text } from '../lib/text';
import { type AnalyticsSearch, analyticsRoute } from '../router';
import { useAnalyticsView } from '../state/analytics-view';
import { useChangeDashboards, useDashboards } from '../state/dashboards';
import { useMayEdit } from '../state/queries';
import classes from './analytics.module.css';

export function AnalyticsPage() {
  const search = analyticsRoute.useSearch();
  const navigate = useNavigate({ from: '/analytics' });
  const view = useAnalyticsView();
  const kept = useDashboards();
  const boards = kept.data?.items ?? [];
  const board = boards.find(({ id }) => id === search.board);
  useEffect(() => {
    document.title = `${board?.name ?? text.analytics.title} · ${text.product}`;
  }, [board?.name]);
  const change = (part: Partial<AnalyticsSearch>) =>
    void navigate({ search: (before: AnalyticsSearch) => ({ ...before, ...part }), replace: true });
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={text.analytics.title}>
      <div className={classes.page}>
        <header className={classes.head}>
          <h1 className={classes.title}>{text.analytics.title}</h1>
          <ChoiceSelect
            label={text.periods[view.period] ?? text.analytics.period}
            choices={PERIODS}
            value={search.since}
            onChange={(since) => change({ since })}
          />
          <FacetSelect
            label={text.list.channel}
            shown={chosen(text.list.channel, search.channel)}
            field="channel_id"
            value={search.channel}
            onChange={(channel) => change({ channel })}
          />
          <FacetSelect
            label={text.list.user}
            shown={chosen(text.list.user, search.user)}
            field="user_id"
            value={search.user}
            onChange={(user) => change({ user })}
          />
          <FacetSelect
            label={text.list.model}
            shown={chosen(text.list.model, search.model)}
            field="model"
            value={search.model}
            onChange={(model) => change({ model })}
          />
          {!board && (
            <Button
              size="xs"
              variant={view.previous ? 'light' : 'default'}
              aria-pressed={view.previous}
              title={text.analytics.earlierHint}
              onClick={() => change({ earlier: view.previous ? 'off' : undefined })}
            >
              {text.analytics.earlier}
            </Button>
          )}
          <span className={classes.hint}>{text.analytics.pick}</span>
        </header>
        <Boards boards={boards} />
        {!kept.data && <Problem error={kept.error} />}
        {board ? (
          <DashboardView key={board.id} board={board} view={view} />
        ) : search.board && kept.isPending ? (
          <Loading />
        ) : (
          <>
            {search.board && kept.data && (
              <p className={classes.nothing} role="status">
                {text.boards.missing}
              </p>
            )}
            <AnalyticsOverview view={view} />
          </>
        )}
      </div>
    </div>
  );
}

/** A filter with what is chosen in it, which nothing else on the page would show. */
function chosen(name: string, value: string | undefined): string | undefined {
  return value && `${name}: ${isolated(value)}`;
}

/** The way to each dashboard, and to a new one. */
function Boards({ boards }: { boards: { id: string; name: string }[] }) {
  const search = analyticsRoute.useSearch();
  const navigate = useNavigate({ from: '/analytics' });
  const mayEdit = useMayEdit();
  const change = useChangeDashboards();
  const add = () => {
    const id = newId();
    change.mutate((items) => [...items, { id, name: text.boards.unnamed(items.length + 1), charts: [] }], {
      onSuccess: () => void navigate({ search: (before: AnalyticsSearch) => ({ ...before, board: id }) }),
    });
  };
  const to = (id: string | undefined) => ({
    to: '/analytics' as const,
    search: (before: AnalyticsSearch) => ({ ...before, board: id }),
    className: formClasses.tab,
    'data-on': search.board === id || undefined,
  });
  return (
    <>
      <nav className={formClasses.tabs} aria-label={text.boards.title}>
        <Link {...to(undefined)}>{text.boards.overview}</Link>
        {boards.map(({ id, name }) => (
          <Link key={id} {...to(id)} data-board={name} title={name}>
            {name}
          </Link>
        ))}
        {mayEdit && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={15} />}
            loading={change.isPending}
            onClick={add}
          >
            {text.boards.add}
          </Button>
        )}
      </nav>
      <Problem error={change.error} />
    </>
  );
}
