// Where the figures of a trace, or of all traces of a conversation, are from.
import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';

/** What has totals of tokens and cost. */
export type Totalled = { trace: string } | { conversation: string };

/** The answer is a list of traces either way. */
export function useExplained(of: Totalled, enabled = true) {
  return useQuery({
    // Among the queries of steps, which are asked again when a trace goes on.
    queryKey: ['span', of, 'explain'],
    queryFn: async ({ signal }) =>
      'trace' in of ? [await api.explain(of.trace, signal)] : api.explainConversation(of.conversation, signal),
    enabled,
  });
}
