// A project's own prices: as they are typed, and where they stand in the list of all. Pure.
import type { Price } from '../api/types';
import { parseTime } from './time';
import { RARE_TOKENS, TOKEN_KINDS, type TokenKind, USUAL_TOKENS } from './tokens';

/** A price in its form. What is left empty is not given. */
export type PriceDraft = Record<TokenKind | 'model' | 'provider' | 'since' | 'above', string>;

export const NO_PRICE: PriceDraft = {
  ...(Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, ''])) as Record<TokenKind, string>),
  model: '',
  provider: '',
  since: '',
  above: '',
};

export function priceDraft(price: Price): PriceDraft {
  const number = (value: number | null | undefined) => (value == null ? '' : String(value));
  const typed = Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, number(price[kind])])) as Record<TokenKind, string>;
  return {
    ...typed,
    model: price.model,
    provider: price.provider ?? '',
    // The begin of a day is written as the day.
    since: (price.since ?? '').replace(/\.0+Z$/, 'Z').replace(/T00:00:00Z$/, ''),
    above: price.above ? String(price.above) : '',
  };
}

/** The dollars that are typed; nothing where the field is empty, NaN where it holds no price. */
export function dollarsOf(typed: string): number | null {
  const number = typed.trim().replace(',', '.');
  if (number === '') return null;
  return Number(number) >= 0 && Number.isFinite(Number(number)) ? Number(number) : Number.NaN;
}

const UNITS: Record<string, number> = { k: 1e3, m: 1e6 };

/** The tokens that are typed, also as `200k` or `1M`; nothing where the field is empty, NaN where it holds no number. */
export function tokensOf(typed: string): number | null {
  const text = typed.trim();
  if (text === '') return null;
  const [, digits, unit = ''] = /^(\d+) ?([km]?)$/i.exec(text) ?? [];
  const tokens = Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
  return Number.isSafeInteger(tokens) ? tokens : Number.NaN;
}

/** A day, or a moment with its zone. */
const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/i;

/** The moment that is typed, a day being its begin in UTC; null where the field is empty, undefined where it holds none. */
export function sinceOf(typed: string): string | null | undefined {
  const text = typed.trim();
  if (text === '') return null;
  const [, day, minute = '00:00', second = ':00', zone = 'Z'] = MOMENT.exec(text) ?? [];
  if (day === undefined) return undefined;
  // Some browsers take 30 February for a day of March.
  const begin = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(begin.getTime()) || !begin.toISOString().startsWith(day)) return undefined;
  const moment = `${day}T${minute}${second}${zone.toUpperCase()}`;
  return parseTime(moment) === null ? undefined : moment;
}

/** The price that is typed; null where it is not one yet. */
export function priceOf(draft: PriceDraft): Price | null {
  const given = TOKEN_KINDS.flatMap((kind) => {
    const dollars = dollarsOf(draft[kind]);
    return dollars === null ? [] : [[kind, dollars] as const];
  });
  const [since, above] = [sinceOf(draft.since), tokensOf(draft.above)];
  if (draft.model.trim() === '' || given.some(([, dollars]) => Number.isNaN(dollars))) return null;
  if (since === undefined || Number.isNaN(above)) return null;
  if (!given.some(([kind]) => kind === 'input' || kind === 'output')) return null;
  return {
    model: draft.model.trim(),
    provider: draft.provider.trim() || null,
    ...(since ? { since } : {}),
    ...(above ? { above } : {}),
    ...Object.fromEntries(given),
  };
}

/** The kinds of tokens that have a column: the usual ones, and those that one of the prices is of. */
export function pricedKinds(own: readonly Price[]): TokenKind[] {
  return [...USUAL_TOKENS, ...RARE_TOKENS.filter((kind) => own.some((price) => price[kind] != null))];
}

/** Whether both are of the same calls, so that only one of them could ever hold. */
function samePlace(a: Price, b: Price): boolean {
  return (
    a.model.toLowerCase() === b.model.toLowerCase() &&
    (a.provider ?? '').toLowerCase() === (b.provider ?? '').toLowerCase() &&
    // The same moment is written in several ways.
    parseTime(a.since) === parseTime(b.since) &&
    (a.above ?? 0) === (b.above ?? 0)
  );
}

/** The price of the same calls that there is beside the one that is changed. */
export function rivalOf(own: readonly Price[], price: Price, changed: Price | null): Price | undefined {
  return own.find((each) => each !== changed && samePlace(each, price));
}

/** The list with the price in place of the one that it replaces; else one more. */
export function withPrice(own: readonly Price[], price: Price, replaced: Price | null): Price[] {
  // What the form does not ask for stays.
  const unasked = Object.entries(replaced ?? {}).filter(([name]) => !(name in NO_PRICE));
  const kept: Price = { ...Object.fromEntries(unasked), ...price };
  const place = replaced ?? rivalOf(own, kept, null);
  const at = place ? own.indexOf(place) : -1;
  return at < 0 ? [...own, kept] : own.map((each, index) => (index === at ? kept : each));
}
