// A project's own prices: as they are typed, and where they stand in the list of all. Pure.
import type { Price } from '../api/types';
import { RARE_TOKENS, TOKEN_KINDS, type TokenKind, USUAL_TOKENS } from './tokens';

/** A price in its form. What is left empty is not given. */
export type PriceDraft = Record<TokenKind | 'model' | 'provider', string>;

export const NO_PRICE: PriceDraft = {
  ...(Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, ''])) as Record<TokenKind, string>),
  model: '',
  provider: '',
};

export function priceDraft(price: Price): PriceDraft {
  const number = (value: number | null | undefined) => (value == null ? '' : String(value));
  const typed = Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, number(price[kind])])) as Record<TokenKind, string>;
  return { ...typed, model: price.model, provider: price.provider ?? '' };
}

/** The dollars that are typed; nothing where the field is empty, NaN where it holds no price. */
export function dollarsOf(typed: string): number | null {
  const number = typed.trim().replace(',', '.');
  if (number === '') return null;
  return Number(number) >= 0 && Number.isFinite(Number(number)) ? Number(number) : Number.NaN;
}

/** The price that is typed; null where it is not one yet. */
export function priceOf(draft: PriceDraft): Price | null {
  const given = TOKEN_KINDS.flatMap((kind) => {
    const dollars = dollarsOf(draft[kind]);
    return dollars === null ? [] : [[kind, dollars] as const];
  });
  if (draft.model.trim() === '' || given.some(([, dollars]) => Number.isNaN(dollars))) return null;
  if (!given.some(([kind]) => kind === 'input' || kind === 'output')) return null;
  return { model: draft.model.trim(), provider: draft.provider.trim() || null, ...Object.fromEntries(given) };
}

/** The kinds of tokens that have a column: the usual ones, and those that one of the prices is of. */
export function pricedKinds(own: readonly Price[]): TokenKind[] {
  return [...USUAL_TOKENS, ...RARE_TOKENS.filter((kind) => own.some((price) => price[kind] != null))];
}

function samePlace(a: Price, b: Price): boolean {
  return (
    a.model.toLowerCase() === b.model.toLowerCase() &&
    (a.provider ?? null) === (b.provider ?? null) &&
    (a.since ?? null) === (b.since ?? null) &&
    (a.above ?? 0) === (b.above ?? 0)
  );
}

/** The list with the price in place of the one that it replaces; else one more. */
export function withPrice(own: readonly Price[], price: Price, replaced: Price | null): Price[] {
  // When it begins and from which size on, the form does not ask; what was there stays.
  const unasked = Object.entries(replaced ?? {}).filter(([name]) => !(name in NO_PRICE));
  const kept: Price = { ...Object.fromEntries(unasked), ...price };
  const at = replaced ? own.indexOf(replaced) : own.findIndex((each) => samePlace(each, kept));
  return at < 0 ? [...own, kept] : own.map((each, index) => (index === at ? kept : each));
}
