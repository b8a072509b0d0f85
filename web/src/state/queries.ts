// What the page knows of the server: query keys, when to ask again, and how live changes reach the cache.
import { useDebouncedValue } from '@mantine/hooks';
import {
  type InfiniteData,
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, api, type ConversationFilter, type FacetOptions } from '../api/client';
import type { ConversationRow, Page, Session } from '../api/types';
import { throttle } from '../lib/throttle';
import { joinTracePages, mergeFirstPage, readyPages } from '../model/pages';
import { useChanges, useLiveState } from './live';

const PAGE_SIZE = 50;
/** Spans of the first page of a trace, so that something is there at once, and of the others: the most the server gives. */
const FIRST_SPANS = 200;
const FURTHER_SPANS = 1000;
const HIGHLIGHT_MS = 2500;
const REFETCH_MS = 250;

export const keys = {
  session: ['session'] as const,
  status: ['status'] as const,
  conversations: (filter: ConversationFilter) => ['conversations', filter] as const,
  conversation: (id: string) => ['conversation', id] as const,
  trace: (id: string) => ['trace', id] as const,
  span: (traceId: string, spanId: string) => ['span', traceId, spanId] as const,
  facet: (field: string, options: FacetOptions) => ['facet', field, options] as const,
};

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => {
          const status = error instanceof ApiError ? error.status : 0;
          // What the client did wrong stays wrong; a busy or restarting server is worth a second try.
          return (status === 0 || status === 429 || status >= 500) && failures < 2;
        },
      },
    },
  });
  // Whichever request learns that the session is over, the sign-in page follows.
  client.getQueryCache().subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'error') return;
    const error = event.action.error as unknown;
    if (error instanceof ApiError && error.status === 401) client.setQueryData<Session | null>(keys.session, null);
  });
  // The same for what is changed; and who may do less than the page thinks has another role by now.
  client.getMutationCache().subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'error') return;
    const error = event.action.error as unknown;
    if (!(error instanceof ApiError)) return;
    if (error.status === 401) client.setQueryData<Session | null>(keys.session, null);
    if (error.status === 403) void client.invalidateQueries({ queryKey: keys.session });
  });
  return client;
}

/** Changes who is signed in. What another key was shown must not be on screen for a moment, so all else is forgotten. */
export async function changeSession(client: QueryClient, session: Session | null): Promise<void> {
  await client.cancelQueries();
  // NOTE: the session's own query stays: it is observed, and an observer of a removed query would never hear of its successor.
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.session[0] });
  client.setQueryData<Session | null>(keys.session, session);
}

/** Who is signed in; null when nobody is. */
export function useSession() {
  return useQuery<Session | null>({
    queryKey: keys.session,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      try {
        return await api.session(signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
  });
}

/** Whether whoever is signed in may judge and change what everybody of the project sees. */
export function useMayEdit(): boolean {
  const scope = useSession().data?.scope;
  return scope === 'edit' || scope === 'admin';
}

/** How many records the lists are behind, once that has lasted for a few seconds; else 0. */
export function useLag(): number {
  const { data } = useQuery({
    queryKey: keys.status,
    queryFn: ({ signal }) => api.status(signal),
    refetchInterval: 5000,
    retry: false,
  });
  const lag = data ? Math.max(0, data.recorded - data.indexed) : 0;
  const behindSince = useRef<number | null>(null);
  if (lag === 0) behindSince.current = null;
  else behindSince.current ??= Date.now();
  return behindSince.current !== null && Date.now() - behindSince.current > 4000 ? lag : 0;
}

/** The list of conversations, kept fresh without losing what is loaded where its reader is. `arrived` are the rows to point out. */
export function useConversations(filter: ConversationFilter, place: { top: number }) {
  const client = useQueryClient();
  const key = keys.conversations(filter);
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => api.conversations(filter, PAGE_SIZE, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    placeholderData: (previous) => previous,
  });
  const [arrived, setArrived] = useState<ReadonlySet<string>>(new Set());
  const signature = JSON.stringify(filter);
  const reading = useRef(place);
  useEffect(() => {
    reading.current = place;
  }, [place]);

  const refresh = useRef<ReturnType<typeof throttle> | null>(null);
  useEffect(() => {
    const pageFilter = JSON.parse(signature) as ConversationFilter;
    const abort = new AbortController();
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const fetchFirst = async () => {
      const fresh = await api.conversations(pageFilter, PAGE_SIZE, null, abort.signal);
      const listKey = keys.conversations(pageFilter);
      const old = client.getQueryData<InfiniteData<Page<ConversationRow>, string | null>>(listKey);
      if (!old || abort.signal.aborted) return;
      const atTop = reading.current.top <= 0;
      const merged = mergeFirstPage(old.pages, fresh, (row) => row.conversation_id, atTop);
      client.setQueryData(listKey, { pages: merged.pages, pageParams: old.pageParams.slice(0, merged.pages.length) });
      if (merged.added.length === 0) return;
      setArrived((before) => new Set([...before, ...merged.added]));
      const timer = setTimeout(() => {
        timers.delete(timer);
        setArrived((before) => new Set([...before].filter((id) => !merged.added.includes(id))));
      }, HIGHLIGHT_MS);
      timers.add(timer);
    };
    const job = throttle(() => {
      fetchFirst().catch(() => {
        // A missed refresh is made up by the next change; the query itself reports lasting errors.
      });
    }, REFETCH_MS);
    refresh.current = job;
    return () => {
      job.cancel();
      abort.abort();
      for (const timer of timers) clearTimeout(timer);
      setArrived(new Set());
    };
  }, [client, signature]);

  useChanges(() => refresh.current?.());
  // What came between the first answer and the begin of the stream was told to nobody.
  const live = useLiveState();
  const { isSuccess } = query;
  useEffect(() => {
    if (live === 'open' && isSuccess) refresh.current?.();
  }, [live, isSuccess]);
  return { ...query, arrived };
}

/** One trace with its steps, page after page until all are here; fetched again when the live stream names it. */
export function useTrace(id: string) {
  const client = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: keys.trace(id),
    queryFn: ({ pageParam, signal }) =>
      api.trace(id, pageParam === null ? FIRST_SPANS : FURTHER_SPANS, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    // Comparing all pages deeply each time one more comes would cost the square of their number.
    structuralSharing: false,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  useRefresh(
    (changes) => changes.all || changes.traces.has(id),
    () => {
      void client.invalidateQueries({ queryKey: keys.trace(id) });
      void client.invalidateQueries({ queryKey: ['span'] });
    },
  );
  const pages = query.data?.pages;
  const ready = readyPages(pages?.length ?? 0, !hasNextPage);
  // biome-ignore lint/correctness/useExhaustiveDependencies: pages between two sizes are shown with the next size
  const detail = useMemo(() => joinTracePages(pages?.slice(0, ready)), [pages?.[0], ready, hasNextPage ? null : pages]);
  return { detail, complete: !hasNextPage, error: query.error, refetch: query.refetch };
}

type Heard = Parameters<Parameters<typeof useChanges>[0]>[0];

/** Runs the job soon after a change that concerns it; `missed` says that there may have been others that nobody heard of. */
export function useRefresh(concerns: (changes: Heard) => boolean, job: (missed: boolean) => void) {
  const current = useRef(job);
  useEffect(() => {
    current.current = job;
  });
  const missed = useRef(false);
  const [run] = useState(() =>
    throttle(() => {
      const some = missed.current;
      missed.current = false;
      current.current(some);
    }, REFETCH_MS),
  );
  useEffect(() => run.cancel, [run]);
  useChanges((changes) => {
    if (!concerns(changes)) return;
    missed.current ||= changes.all;
    run();
  });
}

/** Everything known of one step. */
export function useSpan(traceId: string, spanId: string, enabled = true) {
  return useQuery({
    queryKey: keys.span(traceId, spanId),
    queryFn: ({ signal }) => api.span(traceId, spanId, signal),
    enabled,
    staleTime: 30_000,
  });
}

/** The values of a field and how often they occur, asked for when a filter is opened. */
export function useFacet(field: string, enabled: boolean, options: FacetOptions = {}) {
  return useQuery({
    queryKey: keys.facet(field, options),
    queryFn: ({ signal }) => api.facet(field, options, signal),
    enabled,
    placeholderData: (previous, query) => (query?.queryKey[1] === field ? previous : undefined),
    staleTime: 5000,
  });
}

/** How often the server is asked how a query can go on while somebody types. */
const TYPING_MS = 60;

/** How a query can go on at the cursor; what is there for an earlier text says for which. */
export function useCompletions(of: 'conversations' | 'spans', query: string, at: number, enabled: boolean) {
  const [asked] = useDebouncedValue(
    useMemo(() => ({ query, at }), [query, at]),
    TYPING_MS,
  );
  const { data } = useQuery({
    queryKey: ['complete', of, asked.query, asked.at],
    queryFn: async ({ signal }) => ({
      query: asked.query,
      ...(await api.complete({ of, q: asked.query, at: asked.at, limit: 100 }, signal)),
    }),
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
  return enabled ? data : undefined;
}
