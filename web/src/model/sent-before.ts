// Which messages of a call an earlier call had sent already, so that what is new stands out.
import type { Content, Message, SpanRow } from '../api/types';
import { parseTime } from './time';

const CALLS = new Set(['generation', 'agent']);

/** The model call before this one in its trace; null where it is the first, or no call. */
export function callBefore(spans: readonly SpanRow[], step: SpanRow): SpanRow | null {
  const start = parseTime(step.start_time);
  if (start === null || !CALLS.has(step.kind)) return null;
  let best: SpanRow | null = null;
  let latest = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    const began = parseTime(span.start_time);
    if (span.kind !== step.kind || span.trace_id !== step.trace_id || span.span_id === step.span_id) continue;
    if (began === null || began >= start || began <= latest) continue;
    best = span;
    latest = began;
  }
  return best;
}

function messagesOf(content: Content | null | undefined): Message[] {
  return content?.type === 'messages' ? content.messages : [];
}

/** A message by what it says, whatever the order of its fields. */
function essence(message: Message): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return JSON.stringify([message.role, message.parts], sorted);
}

/** How many messages at the beginning the earlier call had in its input or output. */
export function sentBefore(
  input: Content | null | undefined,
  earlier: { input?: Content | null; output?: Content | null } | undefined,
): number {
  const known = new Set([...messagesOf(earlier?.input), ...messagesOf(earlier?.output)].map(essence));
  const messages = messagesOf(input);
  const first = messages.findIndex((message) => !known.has(essence(message)));
  return first < 0 ? messages.length : first;
}
