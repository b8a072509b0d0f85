// Rows for tests, with only what a test cares about spelled out.
import type { SpanExplained, SpanRow, TraceExplained } from '../api/types';

export function span(id: string, fields: Partial<SpanRow> = {}): SpanRow {
  return {
    trace_id: 't',
    span_id: id,
    conversation_id: 'c',
    kind: 'chain',
    name: id,
    status: 'ok',
    state: 'ended',
    running: false,
    usage_counted: false,
    usage_reason: 'not_a_model_call',
    cost_counted: false,
    cost_reason: 'not_a_model_call',
    ...fields,
  };
}

/** A call of a model that counts, as it is explained. */
export function explained(id: string, fields: Partial<SpanExplained> = {}): SpanExplained {
  return {
    span_id: id,
    usage_counted: true,
    usage_reason: 'model_call',
    cost_counted: true,
    cost_reason: 'model_call',
    ...fields,
  };
}

export function explainedTrace(id: string, spans: SpanExplained[], sums: Partial<TraceExplained> = {}): TraceExplained {
  return { trace_id: id, conversation_id: 'c', without_cost: 0, spans, ...sums };
}
