// What a router decided, read out of what it put out: clients say it in many words for the same few things. Pure.
import type { Content, SpanRow } from '../api/types';
import { parseJsonText } from './content';
import { parseTime } from './time';

export interface Option {
  name: string;
  score: number | null;
}

export interface Decision {
  chosen: string;
  /** How sure it was, as it says. */
  confidence: number | null;
  reason: string | null;
  /** What it chose among, where it says so, the best first. */
  options: Option[];
}

const CHOSEN = [
  'route',
  'chosen',
  'selected',
  'decision',
  'destination',
  'target',
  'next',
  'agent',
  'intent',
  'label',
  'choice',
];
const SURE = ['confidence', 'score', 'probability', 'certainty'];
const REASON = ['reason', 'reasoning', 'rationale', 'explanation', 'why'];
const OPTIONS = ['options', 'candidates', 'routes', 'alternatives', 'scores', 'probabilities', 'choices'];
const NAME = ['name', 'route', 'label', 'id', 'agent', 'intent'];
/** A decision is a name; what is longer is an answer. */
const LONGEST = 80;

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function found<T>(fields: Fields, names: readonly string[], read: (value: unknown) => T | null): T | null {
  for (const name of names) {
    const value = read(fields[name]);
    if (value !== null) return value;
  }
  return null;
}

const textOf = (value: unknown) => (typeof value === 'string' && value.trim() ? value.trim() : null);
const numberOf = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
/** A name by itself, or what has one. */
const nameOf = (value: unknown) => textOf(value) ?? (isFields(value) ? found(value, NAME, textOf) : null);

function optionsOf(value: unknown): Option[] | null {
  if (Array.isArray(value)) {
    const options = value.flatMap((each): Option[] => {
      const name = nameOf(each);
      return name === null ? [] : [{ name, score: isFields(each) ? found(each, SURE, numberOf) : null }];
    });
    return options.length > 0 ? options : null;
  }
  if (!isFields(value)) return null;
  const scored = Object.entries(value).flatMap(([name, score]): Option[] => {
    const number = numberOf(score);
    return number === null ? [] : [{ name, score: number }];
  });
  return scored.length > 0 ? scored : null;
}

function valueOfContent(content: Content): unknown {
  if (content.type === 'json') return content.value;
  if (content.type === 'text') return parseJsonText(content.text) ?? content.text;
  if (content.type !== 'messages') return null;
  const last = content.messages.at(-1)?.parts.find((part) => part.type === 'text');
  return last?.type === 'text' ? (parseJsonText(last.text) ?? last.text) : null;
}

/** The decision in the output of a router; null where there is none that can be told. */
export function decisionOf(output: Content | null | undefined): Decision | null {
  if (!output) return null;
  const value = valueOfContent(output);
  if (typeof value === 'string') {
    const chosen = value.trim();
    const isName = chosen !== '' && chosen.length <= LONGEST && !chosen.includes('\n');
    return isName ? { chosen, confidence: null, reason: null, options: [] } : null;
  }
  if (!isFields(value)) return null;
  const options = (found(value, OPTIONS, optionsOf) ?? []).sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
  const chosen = found(value, CHOSEN, nameOf) ?? (options[0]?.score != null ? options[0].name : null);
  if (chosen === null) return null;
  const confidence = found(value, SURE, numberOf) ?? options.find(({ name }) => name === chosen)?.score ?? null;
  return { chosen, confidence, reason: found(value, REASON, textOf), options };
}

/** The step that the run went on with: the first inside the router, else the next one beside it. */
export function wentOnWith(spans: readonly SpanRow[], router: SpanRow): SpanRow | null {
  const start = parseTime(router.start_time);
  const first = (candidates: SpanRow[]) =>
    candidates.reduce<SpanRow | null>((best, span) => {
      const time = parseTime(span.start_time) ?? Number.MAX_VALUE;
      return best === null || time < (parseTime(best.start_time) ?? Number.MAX_VALUE) ? span : best;
    }, null);
  const ofTrace = spans.filter((span) => span.trace_id === router.trace_id && span.span_id !== router.span_id);
  const inside = first(ofTrace.filter((span) => span.parent_id === router.span_id));
  if (inside) return inside;
  if (start === null) return null;
  const beside = ofTrace.filter((span) => (span.parent_id ?? null) === (router.parent_id ?? null));
  return first(beside.filter((span) => (parseTime(span.start_time) ?? 0) > start));
}
