// The query language as the search box needs it: a completion put into its place, and conditions added by a click.
// What a query means, and how it can go on, is the server's business; here it is only cut into words.

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

/** What of a query the server completes: the text from one place to another. */
export interface Replaced {
  from: number;
  to: number;
}

/** Where in the text as it is now the completions of an earlier text belong; null where they have nothing to do with it. */
export function replacedNow(earlier: string, { from, to }: Replaced, now: string, cursor: number): Replaced | null {
  if (now === earlier) return { from, to };
  const rest = earlier.slice(to);
  const end = now.length - rest.length;
  const same = now.slice(0, from) === earlier.slice(0, from) && now.slice(end) === rest;
  return same && from <= cursor && cursor <= end ? { from, to: end } : null;
}

/** Where paths into what applications add begin; the server knows what follows behind the dot. */
export const PATH_ROOTS = ['metadata.', 'custom.', 'attributes.', 'scores.', 'output.'] as const;

/** The roots that what is being typed may become, where the name of a field may stand. */
export function rootsFor(query: string, { from }: Replaced, cursor: number): string[] {
  const before = query.slice(0, from);
  const begun = query.slice(from, cursor);
  const inQuotes = before.replace(/\\./g, '').split('"').length % 2 === 0;
  const isName = /(^|[\s(-])(has:)?$/.test(before);
  if (begun === '' || inQuotes || !isName) return [];
  return PATH_ROOTS.filter((root) => root.startsWith(begun.toLowerCase()) && root !== begun);
}

/** Whether the query ends where a path has only been begun. */
function endsWithRoot(query: string): boolean {
  const last = /[^\s(-]+$/.exec(query)?.[0];
  return PATH_ROOTS.some((root) => root === last);
}

/** Whether a completion is only the begin of a condition. */
export function goesOn(text: string): boolean {
  return text.endsWith(':') || PATH_ROOTS.some((root) => root === text);
}

/** The query with a completion in its place, and where the cursor goes. */
export function completed(query: string, { from, to }: Replaced, text: string): { query: string; cursor: number } {
  const rest = query.slice(to);
  // After a field its value follows at once; after a value, the next word.
  const inserted = goesOn(text) || rest.startsWith(' ') || rest.startsWith(')') ? text : `${text} `;
  return { query: query.slice(0, from) + inserted + rest, cursor: from + inserted.length };
}

/** Whether a condition or a phrase has only been begun, so that asking for it would be an error. */
export function isUnfinished(query: string): boolean {
  const quotes = query.replace(/\\./g, '').split('"').length - 1;
  return (
    quotes % 2 === 1 ||
    /(^|\s)-?[\w.]+:(\S*\|)?[<>=]*$/.test(query) ||
    /(^|\s)(AND|OR|NOT|-)$/.test(query) ||
    endsWithRoot(query)
  );
}

/** A value as it is written in a query. */
export function valueText(value: string): string {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Longest text that a condition is made of, so that the query stays within what one may have. */
const LONGEST = 200;

/** The condition that a value of the field has the text in it, in the usual ways of capitals: a query tells them apart. */
export function containing(field: string, text: string): string {
  const begun = text.slice(0, LONGEST);
  const ways = [begun, begun.toLowerCase(), begun.toUpperCase(), begun.charAt(0).toUpperCase() + begun.slice(1)];
  // A star stands for any text, what would end the value included.
  const patterns = ways.map((way) => `*${way}*`.replace(/[\s()"|*]+/g, '*'));
  return `${field}:${[...new Set(patterns)].join('|')}`;
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

/** Whether the condition stands in the query as it is written here. */
export function hasCondition(query: string, condition: string): boolean {
  return wordsOf(query).some(({ text }) => text === condition);
}

/** The query with the condition, or without it where it has it. */
export function toggled(query: string, condition: string): string {
  const word = wordsOf(query).find(({ text }) => text === condition);
  const next = word ? query.slice(0, word.start) + query.slice(word.end) : `${query} ${condition}`;
  return next.replace(/ {2,}/g, ' ').trim();
}
