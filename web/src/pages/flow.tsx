// How the conversations of a list flow: agents, tools, routers and retrievals of all of them in one graph.
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { Centered, ErrorState } from '../components/error-state';
import { FilterBar } from '../components/filter-bar';
import GraphView from '../components/graph-view';
import { isMistake, QueryMistake } from '../components/query-box';
import stateClasses from '../components/states.module.css';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { useKeys } from '../lib/keys';
import { text } from '../lib/text';
import { plural } from '../model/format';
import { flowRoute, type ListSearch } from '../router';
import { useFlow } from '../state/flow';
import { filterOf } from '../state/list-filter';
import classes from './flow.module.css';

const words = text.flow;
const NO_NAMES: ReadonlyMap<string, string> = new Map();

export function FlowPage() {
  const search = flowRoute.useSearch();
  const navigate = useNavigate({ from: '/flow' });
  const input = useRef<HTMLInputElement>(null);
  const filter = useMemo(() => filterOf(search, Date.now()), [search]);
  const { data, error, refetch } = useFlow(filter);
  useEffect(() => {
    document.title = `${words.title} · ${text.product}`;
  }, []);
  useKeys({
    '/': (event) => {
      event.preventDefault();
      input.current?.focus();
    },
    Escape: () => void navigate({ to: '/', search }),
  });
  const change = (part: Partial<ListSearch>) =>
    void navigate({ search: (before: ListSearch) => ({ ...before, ...part }), replace: true });
  return (
    <div className={classes.page}>
      <div className={classes.filters}>
        <h1 className={classes.title}>{words.title}</h1>
        <FilterBar
          search={search}
          onChange={change}
          onClear={() => void navigate({ search: {}, replace: true })}
          inputRef={input}
          userNames={NO_NAMES}
          ordered={false}
          tools={
            <Link to="/" search={search} className={classes.link}>
              {words.back}
            </Link>
          }
        />
        <QueryMistake query={search.q ?? ''} error={error} onChange={(q) => change({ q })} />
        {!data && !error && (
          <p className={classes.note} role="status">
            {words.loading}
          </p>
        )}
        {data && (
          <p className={classes.note} role="status">
            {words.of(plural(data.conversations, 'conversation'), plural(data.spans.length, 'step'))}
            {data.more && ` ${words.more}`}
          </p>
        )}
      </div>
      {data && data.spans.length > 0 ? (
        <GraphView
          spans={data.spans}
          selected={null}
          across
          onSelect={({ traceId, stepId }) =>
            void navigate({ to: '/traces/$traceId', params: { traceId }, search: { step: stepId } })
          }
        />
      ) : data ? (
        <Centered role="status">
          <h2 className={stateClasses.title}>{text.list.none}</h2>
          <p className={stateClasses.words}>{text.list.noneHelp}</p>
        </Centered>
      ) : isMistake(error) ? null : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <TranscriptSkeleton />
      )}
    </div>
  );
}
