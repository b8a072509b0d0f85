// What the compare page shows: the comparison, and what each side is called.
import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import { type CompareSearch, kindOf, sideOf, type Thing } from '../model/compare';
import { userName } from '../model/format';
import { plainWords } from '../model/plain-words';

/** Whether both sides are given, and are of one kind. */
export function isComparable(search: CompareSearch): boolean {
  const left = kindOf(sideOf(search, 'left'));
  return left !== null && left === kindOf(sideOf(search, 'right'));
}

export function useComparison(search: CompareSearch) {
  return useQuery({
    queryKey: ['compare', search],
    queryFn: ({ signal }) => api.compare({ ...search }, signal),
    enabled: isComparable(search),
  });
}

export interface Named {
  title: string;
  about: string;
  time: string | null;
}

/** What a conversation, trace or step is called, and what it is about. */
export function useNamed(thing: Thing) {
  return useQuery({
    queryKey: ['named', thing],
    enabled: kindOf(thing) !== null,
    queryFn: async ({ signal }): Promise<Named> => {
      if (thing.trace && thing.step) {
        const span = await api.span(thing.trace, thing.step, signal);
        return { title: span.name, about: plainWords(span.input_preview ?? ''), time: span.start_time ?? null };
      }
      if (thing.trace) {
        const { trace } = await api.trace(thing.trace, 1, null, signal);
        const about = plainWords(trace.first_words ?? '');
        return { title: trace.name ?? trace.trace_id, about, time: trace.start_time };
      }
      const { conversation } = await api.conversationPage(thing.conversation ?? '', 1, null, signal);
      const title = userName(conversation.user) ?? conversation.conversation_id;
      return { title, about: plainWords(conversation.first_words ?? ''), time: conversation.start_time };
    },
  });
}
