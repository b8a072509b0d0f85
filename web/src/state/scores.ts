// Judgements: read, made, corrected and withdrawn, each so that it can be taken back.
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import type { NewScore, Scored } from '../api/types';
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

/** Says it again under its id. Of a conversation that went on, the place has moved: it must not stay at the old one too. */
async function sayAgain(body: NewScore, old: Scored): Promise<void> {
  const made = await api.score(body);
  if (made.trace_id === old.trace_id && made.span_id === old.span_id) return;
  await api.withdrawScore(old.id, old.trace_id);
  if (made.trace_id === old.trace_id) await api.score(body);
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
        for (const each of made) await api.withdrawScore(each.id, each.trace_id);
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
      await sayAgain({ ...body, id: old.id, source: old.source }, old);
      done(words.corrected(old.name), () => sayAgain(bodyAgain(old), old));
    },
  });
  const withdraw = useMutation({
    mutationFn: async (old: Scored) => {
      await api.withdrawScore(old.id, old.trace_id);
      done(words.withdrawn(old.name), async () => {
        await api.score(bodyAgain(old));
      });
    },
  });
  return { make, correct, withdraw };
}
