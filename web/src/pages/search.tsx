// Search in everything that was said: every message once, with the words around what was found.
import { Button } from '@mantine/core';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { api } from '../api/client';
import type { SpanRow } from '../api/types';
import { Ago } from '../components/ago';
import { Centered, ErrorState } from '../components/error-state';
import { ChoiceSelect } from '../components/filter-select';
import { KindIcon, kindName } from '../components/kind-icon';
import { isMistake, QueryBox, QueryMistake } from '../components/query-box';
import { ErrorBadge } from '../components/signals';
import stateClasses from '../components/states.module.css';
import { useKeys } from '../lib/keys';
import { text } from '../lib/text';
import { formatCost, formatDuration, userName } from '../model/format';
import { plainWords } from '../model/plain-words';
import { type Hit, hitsOf, piecesOf } from '../model/snippets';
import { searchRoute } from '../router';
import { useRecentSearches } from '../state/preferences';
import classes from './search.module.css';

const PAGE = 50;
const ORDERS = Object.entries(text.search.orders).map(([value, label]) => ({ value, label }));
const words = text.search;

export function SearchPage() {
  const { q = '', sort } = searchRoute.useSearch();
  const navigate = useNavigate({ from: '/search' });
  const input = useRef<HTMLInputElement>(null);
  const { recent, remember } = useRecentSearches();
  const query = useInfiniteQuery({
    queryKey: ['search', q, sort],
    queryFn: ({ pageParam, signal }) => api.spans(sort ? { q, sort } : { q }, PAGE, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    enabled: q !== '',
    placeholderData: keepPreviousData,
  });
  /** Whether what is shown is of this query, and not still of the one before. */
  const current = q !== '' && query.isSuccess && !query.isPlaceholderData;
  const hits = useMemo(() => (q === '' ? [] : hitsOf(query.data?.pages ?? [])), [q, query.data]);
  const change = (next: string) => void navigate({ search: { q: next || undefined, sort }, replace: true });
  useKeys({
    '/': (event) => {
      event.preventDefault();
      input.current?.focus();
    },
  });
  useEffect(() => {
    document.title = `${words.title} · ${text.product}`;
    input.current?.focus();
  }, []);
  const found = hits.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: remembered when something was found, not when the store changes
  useEffect(() => {
    if (found && current) remember(q);
  }, [found, current, q]);

  return (
    <div className={classes.page} tabIndex={0} role="group" aria-label={words.title}>
      <div className={classes.inner}>
        <h1 className={classes.title}>{words.title}</h1>
        <div className={classes.box}>
          <QueryBox value={q} onChange={change} label={words.label} of="spans" inputRef={input} />
          <ChoiceSelect
            label={words.orders[sort ?? ''] ?? words.order}
            choices={ORDERS}
            value={sort}
            onChange={(next) => void navigate({ search: { q: q || undefined, sort: next }, replace: true })}
          />
        </div>
        <QueryMistake query={q} error={query.error} onChange={change} />
        <p className={classes.help} role="status">
          {found
            ? words.found(`${hits.length.toLocaleString('en-US')}${query.hasNextPage ? '+' : ''}`)
            : query.isFetching
              ? words.searching
              : words.help}
        </p>
        {q === '' && recent.length > 0 && (
          <ul className={classes.list} aria-label={text.palette.recent}>
            {recent.map((each) => (
              <li key={each} className={classes.head}>
                <Link to="/search" search={{ q: each }}>
                  {each}
                </Link>
              </li>
            ))}
          </ul>
        )}
        {query.isError && !isMistake(query.error) && (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        )}
        {current && !found && (
          <Centered role="status">
            <h2 className={stateClasses.title}>{words.none}</h2>
            <p className={stateClasses.words}>{text.list.noneHelp}</p>
          </Centered>
        )}
        {found && (
          <ul className={classes.list} aria-label={words.title} data-stale={!current || undefined}>
            {hits.map((hit) => (
              <Found key={`${hit.span.trace_id}/${hit.span.span_id}`} hit={hit} />
            ))}
          </ul>
        )}
        {current && query.hasNextPage && (
          <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {words.more}
          </Button>
        )}
      </div>
    </div>
  );
}

function StepLink({ span }: { span: SpanRow }) {
  return (
    <Link
      to="/conversations/$id"
      params={{ id: span.conversation_id }}
      search={{ trace: span.trace_id, step: span.span_id }}
    >
      {span.name}
    </Link>
  );
}

function Found({ hit: { span, highlight, also } }: { hit: Hit }) {
  const preview = plainWords(span.output_preview ?? span.input_preview ?? '');
  const snippet = highlight ?? { snippet: preview, ranges: [] };
  return (
    <li className={classes.hit}>
      <div className={classes.head}>
        <KindIcon kind={span.kind} size={18} />
        <StepLink span={span} />
        <span>{kindName(span.kind)}</span>
        <span>{userName(span.user) ?? text.list.anonymous}</span>
        {span.channel_id && <span>{span.channel_id}</span>}
        {span.duration_ms != null && <span className="nt-num">{formatDuration(span.duration_ms)}</span>}
        {span.cost != null && <span className="nt-num">{formatCost(span.cost)}</span>}
        <ErrorBadge count={span.status === 'error' ? 1 : 0} />
        <Ago time={span.start_time} className={classes.when} />
      </div>
      <p className={classes.snippet}>
        {piecesOf(snippet).map((piece, at) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a snippet never change place
          piece.found ? <mark key={at}>{piece.text}</mark> : <span key={at}>{piece.text}</span>,
        )}
      </p>
      {also.length > 0 && (
        <details className={classes.also}>
          <summary>{words.also(also.length)}</summary>
          {also.map((each) => (
            <StepLink key={`${each.trace_id}/${each.span_id}`} span={each} />
          ))}
        </details>
      )}
    </li>
  );
}
