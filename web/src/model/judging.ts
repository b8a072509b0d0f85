// Judgements as they are typed: what is judged, by which kind of verdict, and what is sent of it. Pure.
import type { NewScore, Score, Scored } from '../api/types';

export const VERDICTS = ['thumbs', 'number', 'category', 'text'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What is judged: a conversation, a trace, or with a span that step. */
export interface Target {
  conversation?: string;
  trace?: string;
  span?: string;
}

export interface Draft {
  verdict: Verdict;
  name: string;
  value: string;
  comment: string;
  /** Whether thumbs are said as true and false, as whoever made the judgement did. */
  flag?: boolean;
}

export const EMPTY: Draft = { verdict: 'thumbs', name: 'feedback', value: '', comment: '' };

/** Longer than this, or of several lines, a value is a text rather than a category. */
const CATEGORY_CHARS = 40;

export function thumbOf(value: unknown): 'positive' | 'negative' | null {
  if (value === 'positive' || value === true) return 'positive';
  if (value === 'negative' || value === false) return 'negative';
  return null;
}

export function verdictOf(value: unknown): Verdict {
  if (thumbOf(value)) return 'thumbs';
  if (typeof value === 'number') return 'number';
  return typeof value === 'string' && value.length <= CATEGORY_CHARS && !value.includes('\n') ? 'category' : 'text';
}

/** A judgement as it is changed in the form. */
export function draftOf(score: Score): Draft {
  const { value } = score;
  return {
    verdict: verdictOf(value),
    name: score.name,
    value: thumbOf(value) ?? (typeof value === 'string' ? value : JSON.stringify(value)),
    comment: score.comment ?? '',
    flag: typeof value === 'boolean',
  };
}

/** What is sent as the verdict; null where it is not one yet. */
export function verdictValue({ verdict, value, flag }: Draft): string | number | boolean | null {
  const typed = value.trim();
  if (typed === '') return null;
  if (verdict === 'thumbs') return flag ? typed === 'positive' : typed;
  if (verdict !== 'number') return typed;
  const number = Number(typed.replace(',', '.'));
  return Number.isFinite(number) ? number : null;
}

/** The body of a judgement; null where the draft is not complete. */
export function bodyOf(target: Target, draft: Draft): NewScore | null {
  const value = verdictValue(draft);
  const name = draft.name.trim();
  if (value === null || name === '') return null;
  return { ...placeOf(target), name, value, comment: draft.comment.trim() || null, source: 'evaluator' };
}

function placeOf({ conversation, trace, span }: Target): Partial<NewScore> {
  if (trace) return span ? { trace_id: trace, span_id: span } : { trace_id: trace };
  return { conversation_id: conversation ?? null };
}

/** What a judgement that is there judges. */
export function targetOf(scored: Scored): Target {
  if (scored.target === 'conversation') return { conversation: scored.conversation_id };
  return scored.target === 'trace' ? { trace: scored.trace_id } : { trace: scored.trace_id, span: scored.span_id };
}

/** The body that makes the judgement again as it was. */
export function bodyAgain(scored: Scored): NewScore {
  const { id, name, value, comment, source } = scored;
  return {
    ...placeOf(targetOf(scored)),
    id,
    name,
    value: value as NewScore['value'],
    comment: comment ?? null,
    source,
  };
}
