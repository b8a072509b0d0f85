// What the totals of a trace, or of all traces of a conversation, are the sums of, and what is not in them. Pure.
import type { CountReason, SpanExplained, TraceExplained, Usage } from '../api/types';
import { totalTokens } from './format';
import { countedTokens, type TokenKind } from './tokens';

/** A step with the figures that a list is about: null where it has none, or those that it has belong elsewhere. */
export interface Figure {
  traceId: string;
  span: SpanExplained;
  usage: Usage | null;
  cost: number | null;
}

export interface Figures {
  /** What the totals are the sums of, the dearest first. */
  counted: Figure[];
  /** Of those, the ones whose tokens have no price: the cost is too low by theirs. */
  unpriced: Figure[];
  /** What is told and not in the totals, and calls of a model that tell nothing. */
  leftOut: Figure[];
}

/** Why a figure is not in the totals. */
export type WhyNot = Exclude<CountReason, 'model_call' | 'only_report'>;

export function figuresOf(traces: readonly TraceExplained[]): Figures {
  const counted: Figure[] = [];
  const leftOut: Figure[] = [];
  for (const { trace_id: traceId, spans } of traces) {
    for (const span of spans) {
      const usage = countedTokens(span.usage).length > 0 ? (span.usage ?? null) : null;
      const cost = span.cost ?? null;
      const { usage_counted, cost_counted } = span;
      if (usage_counted || cost_counted) {
        counted.push({ traceId, span, usage: usage_counted ? usage : null, cost: cost_counted ? cost : null });
      }
      const rest = { traceId, span, usage: usage_counted ? null : usage, cost: cost_counted ? null : cost };
      if (rest.usage !== null || rest.cost !== null || !(usage_counted || cost_counted)) leftOut.push(rest);
    }
  }
  return {
    counted: counted.sort(dearestFirst),
    unpriced: counted.filter(({ span }) => span.usage_counted && (lacksPrice(span) || span.no_cost === 'no_model')),
    leftOut: leftOut.sort(dearestFirst),
  };
}

/** Where costs are from: one for all steps of a model that are told alike. */
export interface Origin {
  /** What tells it from others. */
  key: string;
  /** The first of the steps. */
  span: SpanExplained;
  /** US dollars of a million tokens of each kind that any of the steps has. */
  rates: { of: TokenKind; perMillion: number }[];
}

/** The origins of the costs of steps, in the order in which they come up. */
export function originsOf(figures: readonly Figure[]): Origin[] {
  const origins = new Map<string, Origin>();
  for (const { span } of figures) {
    const { model, price, cost_source, no_cost, cost_counted, cost_reason, usage_reason } = span;
    const only = usage_reason === 'only_report';
    const key = JSON.stringify([model, price?.price, cost_source, no_cost, cost_counted || cost_reason, only]);
    const origin = origins.get(key) ?? { key, span, rates: [] };
    origins.set(key, origin);
    for (const { tokens_of: of, per_million: perMillion } of price?.parts ?? []) {
      if (!origin.rates.some((rate) => rate.of === of)) origin.rates.push({ of, perMillion });
    }
  }
  return [...origins.values()];
}

/** By cost, and what has none by its tokens. */
function dearestFirst(a: Figure, b: Figure): number {
  return (b.cost ?? -1) - (a.cost ?? -1) || (totalTokens(b.usage) ?? -1) - (totalTokens(a.usage) ?? -1);
}

/** Whether a price that somebody sets would give the step a cost. */
export function lacksPrice({ no_cost }: SpanExplained): boolean {
  return no_cost === 'no_price' || no_cost === 'incomplete_price';
}

/** Why what is left out of a step is; two reasons where its tokens and its cost have one each. */
export function whyNot({ span, usage, cost }: Figure): WhyNot[] {
  const { usage_reason, cost_reason } = span;
  const told = cost === null ? [usage_reason] : usage === null ? [cost_reason] : [usage_reason, cost_reason];
  return [...new Set(told)].filter((reason): reason is WhyNot => reason !== 'model_call' && reason !== 'only_report');
}

/** The sums of steps or traces. */
export function sumOf(
  parts: readonly { usage?: Usage | null; cost?: number | null }[],
): Pick<Figure, 'usage' | 'cost'> {
  const usage: Usage = {};
  for (const part of parts) {
    for (const { kind, count } of countedTokens(part.usage)) usage[kind] = (usage[kind] ?? 0) + count;
  }
  // The smallest first, as the server adds them: a sum of fractions is not the same in every order.
  const costs = parts.flatMap(({ cost }) => (cost == null ? [] : [cost])).sort((a, b) => a - b);
  return { usage, cost: costs.length > 0 ? costs.reduce((sum, cost) => sum + cost) : null };
}
