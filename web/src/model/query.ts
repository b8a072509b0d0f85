// The query language as the search box needs it: the word under the cursor, completions, and conditions added by a click.
// What a query means is the server's business; here it is only cut into words.

export type FieldType = 'text' | 'number' | 'duration' | 'time' | 'flag';

export interface QueryField {
  /** As it is typed. */
  name: string;
  /** As the API calls it. */
  of: string;
  type: FieldType;
  /** The list whose values it has. */
  list: 'conversations' | 'spans';
}

const field = (name: string, of: string, type: FieldType, list: QueryField['list'] = 'conversations'): QueryField => ({
  name,
  of,
  type,
  list,
});

/** The fields that are offered, the most wanted first; the language knows more (docs/query.md). */
export const FIELDS: readonly QueryField[] = [
  field('user', 'user_id', 'text'),
  field('channel', 'channel_id', 'text'),
  field('model', 'model', 'text'),
  field('status', 'status', 'text', 'spans'),
  field('kind', 'kind', 'text', 'spans'),
  field('tool', 'name', 'text', 'spans'),
  field('name', 'name', 'text', 'spans'),
  field('latency', 'duration_ms', 'duration'),
  field('cost', 'cost', 'number'),
  field('tokens', 'usage.total', 'number'),
  field('input_tokens', 'usage.input', 'number'),
  field('output_tokens', 'usage.output', 'number'),
  field('cached_tokens', 'usage.cache_read', 'number'),
  field('turns', 'turns', 'number'),
  field('spans', 'spans', 'number'),
  field('errors', 'errors', 'number'),
  field('has_error', 'has_error', 'flag'),
  field('running', 'running', 'flag'),
  field('after', 'last_time', 'time'),
  field('before', 'last_time', 'time'),
  field('time', 'last_time', 'time'),
  field('start_time', 'start_time', 'time'),
  field('session', 'session_id', 'text'),
  field('conversation', 'conversation_id', 'text'),
  field('trace', 'trace_id', 'text', 'spans'),
  field('user_name', 'user_name', 'text'),
  field('email', 'user_email', 'text', 'spans'),
  field('provider', 'provider', 'text', 'spans'),
  field('status_message', 'status_message', 'text', 'spans'),
  field('client', 'client', 'text', 'spans'),
  field('feedback.positive', 'feedback.positive', 'number'),
  field('feedback.negative', 'feedback.negative', 'number'),
];

/** What can follow the colon of a field that has no list of values. */
const EXAMPLES: Record<Exclude<FieldType, 'text'>, readonly string[]> = {
  number: ['>1', '>=10', '>1k', '<100', '*'],
  duration: ['>500ms', '>1s', '>2s<10s', '>1m', '*'],
  time: ['today', 'yesterday', '-1h', '-24h', '-7d', '-30d'],
  flag: ['true', 'false'],
};

export function fieldNamed(name: string): QueryField | null {
  return FIELDS.find((each) => each.name === name || each.of === name) ?? null;
}

/** A word of a query, by the place of its first sign and the one behind its last. */
export interface Word {
  start: number;
  end: number;
  text: string;
}

/** The words, cut at white space and parentheses outside of quotes. */
export function wordsOf(query: string): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quoted = false;
  const end = (at: number) => {
    if (start >= 0) words.push({ start, end: at, text: query.slice(start, at) });
    start = -1;
  };
  for (let at = 0; at < query.length; at += 1) {
    const sign = query[at]!;
    if (!quoted && /[\s()]/.test(sign)) {
      end(at);
      continue;
    }
    if (start < 0) start = at;
    if (sign === '\\') at += 1;
    else if (sign === '"') quoted = !quoted;
  }
  end(query.length);
  return words;
}

/** What is being typed at the cursor. */
export interface Typing {
  start: number;
  end: number;
  negated: boolean;
  /** The field, once there is a colon behind it. */
  field: string | null;
  /** The part that a completion would replace. */
  begun: string;
  /** Where that part begins. */
  from: number;
}

export function typingAt(query: string, cursor: number): Typing {
  const word = wordsOf(query).find(({ start, end }) => start < cursor && cursor <= end);
  if (!word) return { start: cursor, end: cursor, negated: false, field: null, begun: '', from: cursor };
  const negated = word.text.startsWith('-');
  const body = word.start + (negated ? 1 : 0);
  const colon = query.indexOf(':', body);
  const hasField = colon >= 0 && colon < cursor && !query.slice(body, colon).includes('"');
  // Of several values only the one at the cursor is replaced.
  const from = hasField ? Math.max(colon, query.lastIndexOf('|', cursor - 1)) + 1 : body;
  return {
    start: word.start,
    end: word.end,
    negated,
    field: hasField ? query.slice(body, colon) : null,
    begun: query.slice(from, cursor),
    from,
  };
}

/** Names of fields that begin with, else contain, what is typed. */
export function fieldsFor(begun: string): QueryField[] {
  const needle = begun.toLowerCase();
  const begins = FIELDS.filter(({ name }) => name.startsWith(needle));
  return [
    ...begins,
    ...FIELDS.filter(
      ({ name }) => needle.length > 1 && name.includes(needle) && !begins.some((each) => each.name === name),
    ),
  ];
}

export function examplesFor(type: FieldType): readonly string[] {
  return type === 'text' ? [] : EXAMPLES[type];
}

/** The query with the begun part completed, and where the cursor goes. */
export function completed(query: string, typing: Typing, replacement: string): { query: string; cursor: number } {
  const rest = query.slice(typing.end);
  // After a field its value follows at once; after a value, the next word.
  const text = replacement.endsWith(':') ? replacement : `${replacement}${rest.startsWith(' ') ? '' : ' '}`;
  return { query: query.slice(0, typing.from) + text + rest, cursor: typing.from + text.length };
}

/** Whether a condition or a phrase has only been begun, so that asking for it would be an error. */
export function isUnfinished(query: string): boolean {
  const quotes = query.replace(/\\./g, '').split('"').length - 1;
  return quotes % 2 === 1 || /(^|\s)-?[\w.]+:(\S*\|)?[<>=]*$/.test(query) || /(^|\s)(AND|OR|NOT|-)$/.test(query);
}

/** A value as it is written in a query. */
export function valueText(value: string): string {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

interface Condition {
  word: Word;
  values: string[];
}

function conditionOf(query: string, name: string, negated: boolean): Condition | null {
  const prefix = `${negated ? '-' : ''}${name}:`;
  const word = wordsOf(query).find(({ text }) => text.startsWith(prefix));
  if (!word) return null;
  // Values are parted by bars outside of quotes.
  const values = word.text.slice(prefix.length).match(/(?:"(?:\\.|[^"\\])*"|[^|"])+/g);
  return { word, values: values ?? [] };
}

export type Stand = 'only' | 'without' | null;

/** Whether the query asks for the value of the field, or leaves it out. */
export function standOf(query: string, name: string, value: string): Stand {
  const text = valueText(value);
  if (conditionOf(query, name, false)?.values.includes(text)) return 'only';
  return conditionOf(query, name, true)?.values.includes(text) ? 'without' : null;
}

/** The query with the value asked for, left out, or neither. A further value of a field widens its condition. */
export function withStand(query: string, name: string, value: string, stand: Stand): string {
  const text = valueText(value);
  let result = query;
  for (const negated of [false, true]) {
    const condition = conditionOf(result, name, negated);
    const others = condition?.values.filter((each) => each !== text) ?? [];
    const wanted = stand === (negated ? 'without' : 'only');
    const values = wanted ? [...others, text] : others;
    const word = values.length > 0 ? `${negated ? '-' : ''}${name}:${values.join('|')}` : '';
    if (condition) result = `${result.slice(0, condition.word.start)}${word}${result.slice(condition.word.end)}`;
    else if (word) result = `${result} ${word}`;
    result = result.replace(/ {2,}/g, ' ').trim();
  }
  return result;
}
