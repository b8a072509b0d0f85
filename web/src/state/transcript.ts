// A conversation in pages of its turns, the first ones first: more come as the reader goes on, or all of them where a view needs it.
import { type InfiniteData, type QueryClient, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import { api } from '../api/client';
import type { Transcript } from '../api/types';
import { joinTranscript } from '../model/pages';
import { keys, useRefresh } from './queries';

/** Turns of a page while the reader scrolls, and where all of them are wanted. */
const SCROLLED = 50;
const WANTED = 500;

interface Place {
  cursor: string | null;
  limit: number;
}

type Pages = InfiniteData<Transcript, Place>;

/** Reads the pages again that hold what has changed, and the last one, where new turns come in. */
async function refreshPages(client: QueryClient, id: string, changed: ReadonlySet<string>): Promise<void> {
  const key = keys.conversation(id);
  const old = client.getQueryData<Pages>(key);
  if (!old) return client.invalidateQueries({ queryKey: key });
  const last = old.pages.length - 1;
  const stale = old.pages.flatMap((page, at) =>
    at === last || page.turns.some((turn) => changed.has(turn.trace_id)) ? [at] : [],
  );
  const fresh = await Promise.all(
    stale.map((at) => api.conversationPage(id, old.pageParams[at]!.limit, old.pageParams[at]!.cursor)),
  );
  client.setQueryData<Pages>(key, (now) => {
    if (!now) return now;
    return { ...now, pages: now.pages.map((page, at) => fresh[stale.indexOf(at)] ?? page) };
  });
}

/**
 * One conversation with its turns, read again when the live stream names it. With `all` every page is fetched; with `until`
 * as many as it takes for that trace to be there.
 */
export function useTranscript(id: string, { all, until }: { all: boolean; until: string | undefined }) {
  const client = useQueryClient();
  const limit = useRef(SCROLLED);
  const query = useInfiniteQuery({
    queryKey: keys.conversation(id),
    queryFn: ({ pageParam, signal }) => api.conversationPage(id, pageParam.limit, pageParam.cursor, signal),
    initialPageParam: { cursor: null, limit: SCROLLED } as Place,
    getNextPageParam: (page): Place | null =>
      page.next_cursor ? { cursor: page.next_cursor, limit: limit.current } : null,
    // Comparing all pages deeply each time one more comes would cost the square of their number.
    structuralSharing: false,
  });
  const pages = query.data?.pages;
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const transcript = useMemo(() => joinTranscript(pages), [pages]);
  const missing = until !== undefined && !transcript?.turns.some((turn) => turn.trace_id === until);
  const wanted = all || missing;
  useEffect(() => {
    limit.current = wanted ? WANTED : SCROLLED;
    if (wanted && hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [wanted, hasNextPage, isFetching, isError, fetchNextPage]);
  const changed = useRef(new Set<string>());
  useRefresh(
    (changes) => {
      if (!changes.all && !changes.conversations.has(id)) return false;
      for (const trace of changes.traces) changed.current.add(trace);
      return true;
    },
    (missed) => {
      const traces = changed.current;
      changed.current = new Set();
      if (missed) void client.invalidateQueries({ queryKey: keys.conversation(id) });
      // A refresh that fails is made up by the next change; the query itself reports lasting errors.
      else void refreshPages(client, id, traces).catch(() => undefined);
      void client.invalidateQueries({ queryKey: ['span'] });
    },
  );
  const more = () => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  };
  return { transcript, complete: !hasNextPage, more, error: query.error, refetch: query.refetch };
}
