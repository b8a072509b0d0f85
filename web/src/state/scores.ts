// Judgements: read, made, corrected and withdrawn, each so that it can be taken back.
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Scored } from '../api/types';
import { text } from '../lib/text';
import { plural } from '../model/format';
import { bodyAgain, bodyOf, type Draft, type Target, targetOf } from '../model/judging';
import { offerUndo } from './undo';

const SCORES = 'scores';

/** The judgements of a conversation or trace as a whole; those of its steps stand at the steps. */
export function useScores(target: Target, enabled: boolean) {
  const { conversation, trace } = target;
  return useQuery({
    queryKey: [SCORES, target],
    enabled,
    queryFn: async ({ signal }) => {
      const { items } = await api.scores(trace ? { trace_id: trace } : { conversation_id: conversation }, signal);
      return items.filter((each) => each.target === (trace ? 'trace' : 'conversation'));
    },
  });
}

/** The known names of judgements, and with a name its known values, the most frequent first. */
export function useScoreWords(name: string | null, enabled: boolean) {
  const field = name === null ? 'score' : `scores.${name}`;
  const { data } = useQuery({
    queryKey: ['facet', field, 'judging'],
    queryFn: ({ signal }) => api.facet(field, { of: 'spans', limit: 30 }, signal),
    enabled: enabled && name !== '',
    staleTime: 30_000,
    retry: false,
  });
  return data?.items.map(({ value }) => value) ?? [];
}

function refresh(client: QueryClient): void {
  for (const name of [SCORES, 'span', 'conversation', 'trace', 'conversations']) {
    void client.invalidateQueries({ queryKey: [name] });
  }
}

export function useJudging() {
  const client = useQueryClient();
  const words = text.judging;
  const done = (message: string, undo: () => Promise<void>) => {
    refresh(client);
    offerUndo({
      message,
      undo: async () => {
        await undo();
        refresh(client);
      },
    });
  };
  const make = useMutation({
    mutationFn: async ({ targets, draft }: { targets: Target[]; draft: Draft }) => {
      const made: Scored[] = [];
      const takeBack = async () => {
        for (const each of made) await api.withdrawScore(each);
      };
      try {
        for (const target of targets) {
          const body = bodyOf(target, draft);
          if (body) made.push(await api.score(body));
        }
      } finally {
        // What was judged before something went wrong can be taken back as well.
        if (made.length > 0) done(words.made(draft.name, plural(made.length, 'time')), takeBack);
      }
    },
  });
  const correct = useMutation({
    mutationFn: async ({ old, draft }: { old: Scored; draft: Draft }) => {
      const body = bodyOf(targetOf(old), draft);
      if (!body) return;
      // What has its id is where it is corrected, wherever that was told.
      await api.score({ ...body, id: old.id, source: old.source });
      done(words.corrected(old.name), async () => {
        await api.score(bodyAgain(old));
      });
    },
  });
  const withdraw = useMutation({
    mutationFn: async (old: Scored) => {
      await api.withdrawScore(old);
      done(words.withdrawn(old.name), async () => {
        await api.score(bodyAgain(old));
      });
    },
  });
  return { make, correct, withdraw };
}
