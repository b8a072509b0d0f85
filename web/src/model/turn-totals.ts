// What a turn used: the tokens and the cost of its steps, of each call only what the server counts.
import type { SpanRow } from '../api/types';
import { totalTokens } from './format';

export interface TurnTotals {
  tokens: number | null;
  cost: number | null;
}

export function turnTotals(spans: readonly SpanRow[]): TurnTotals {
  const totals: TurnTotals = { tokens: null, cost: null };
  for (const span of spans) {
    const tokens = span.usage_counted ? totalTokens(span.usage) : null;
    if (tokens !== null) totals.tokens = (totals.tokens ?? 0) + tokens;
    if (span.cost_counted && span.cost != null) totals.cost = (totals.cost ?? 0) + span.cost;
  }
  return totals;
}
