// All steps of the newest conversations of a list, for one graph of them.
import { useQuery } from '@tanstack/react-query';
import { api, type ConversationFilter } from '../api/client';
import type { SpanRow } from '../api/types';
import { batchesOf, conversationsQuery } from '../model/flow';

/** Conversations whose steps are read, and how many of them with one request. */
const CONVERSATIONS = 100;
const AT_ONCE = 20;
/** Steps of a page, and of all of them together. */
const PAGE = 1000;
const MOST_STEPS = 20_000;

export interface Flow {
  spans: SpanRow[];
  conversations: number;
  /** Whether there are more conversations, or more steps. */
  more: boolean;
}

export function useFlow(filter: ConversationFilter) {
  return useQuery({
    queryKey: ['flow', filter],
    staleTime: 30_000,
    queryFn: async ({ signal }): Promise<Flow> => {
      const list = await api.conversations(filter, CONVERSATIONS, null, signal);
      const ids = list.items.map((row) => row.conversation_id);
      const spans: SpanRow[] = [];
      for (const batch of batchesOf(ids, AT_ONCE)) {
        let cursor: string | null = null;
        do {
          const page = await api.spans({ q: conversationsQuery(batch) }, PAGE, cursor, signal);
          spans.push(...page.items);
          cursor = page.next_cursor ?? null;
        } while (cursor && spans.length < MOST_STEPS);
      }
      return { spans, conversations: ids.length, more: Boolean(list.next_cursor) || spans.length >= MOST_STEPS };
    },
  });
}
