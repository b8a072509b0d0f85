// A project's own prices: as they are typed, and where they stand in the list of all. Pure.
import type { Price } from '../api/types';

/** What is priced, in the order of the page. */
export const PRICED = ['input', 'output', 'cache_read', 'cache_write', 'reasoning'] as const;
export type Priced = (typeof PRICED)[number];

/** A price in its form. What is left empty is not given. */
export type PriceDraft = Record<Priced | 'model' | 'provider', string>;

export const NO_PRICE: PriceDraft = {
  model: '',
  provider: '',
  input: '',
  output: '',
  cache_read: '',
  cache_write: '',
  reasoning: '',
};

export function priceDraft(price: Price): PriceDraft {
  const number = (value: number | null | undefined) => (value == null ? '' : String(value));
  const typed = Object.fromEntries(PRICED.map((name) => [name, number(price[name])])) as Record<Priced, string>;
  return { ...typed, model: price.model, provider: price.provider ?? '' };
}

/** The price that is typed; null where it is not one yet. */
export function priceOf(draft: PriceDraft): Price | null {
  const numbers = PRICED.map((name) => [name, draft[name].trim().replace(',', '.')] as const);
  const given = numbers.filter(([, typed]) => typed !== '').map(([name, typed]) => [name, Number(typed)] as const);
  if (draft.model.trim() === '' || given.some(([, value]) => !(value >= 0))) return null;
  if (!given.some(([name]) => name === 'input' || name === 'output')) return null;
  return { model: draft.model.trim(), provider: draft.provider.trim() || null, ...Object.fromEntries(given) };
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
  // When it begins, from which size on, and what sound and pictures cost, the form does not ask; what was there stays.
  const unasked = Object.entries(replaced ?? {}).filter(([name]) => !(name in NO_PRICE));
  const kept: Price = { ...Object.fromEntries(unasked), ...price };
  const at = replaced ? own.indexOf(replaced) : own.findIndex((each) => samePlace(each, kept));
  return at < 0 ? [...own, kept] : own.map((each, index) => (index === at ? kept : each));
}
