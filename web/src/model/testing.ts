// Rows for tests, with only what a test cares about spelled out.
import type { SpanRow } from '../api/types';

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
