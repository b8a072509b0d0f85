// What a content says, as plain text to read, copy and search in.
import type { Content, Message, Part } from '../api/types';

/** Any JSON value on several lines. */
export function pretty(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
}

function partText(part: Part): string {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return part.text;
    case 'tool_call':
      return `${part.name ?? 'tool'}(${pretty(part.arguments)})`;
    case 'tool_result':
      return pretty(part.result);
    case 'media':
      return part.name ?? part.uri ?? part.mime_type ?? '';
    default:
      return pretty(part.value);
  }
}

export function messageText(message: Message): string {
  return message.parts.map(partText).join('\n');
}

/** Everything the content says; what a copy button copies. */
export function contentText(content: Content): string {
  switch (content.type) {
    case 'text':
      return content.text;
    case 'messages':
      if (content.messages.length === 1) return messageText(content.messages[0]!);
      return content.messages.map((message) => `${message.role}: ${messageText(message)}`).join('\n\n');
    case 'documents':
      return content.documents.map((document) => document.content ?? pretty(document.metadata ?? {})).join('\n\n');
    default:
      return pretty(content.value);
  }
}

/**
 * What a bubble of the transcript shows: of messages the words of the last one that speaks, as the rest is history that
 * earlier turns have shown; anything else whole.
 */
export function spoken(content: Content | null | undefined): Content | null {
  if (!content) return null;
  if (content.type !== 'messages') return content;
  const last = content.messages.findLast((message) => message.parts.some((part) => part.type === 'text'));
  return last ? { type: 'messages', messages: [last] } : content;
}

/** Whether there is nothing to show. */
export function isBlank(content: Content | null | undefined): boolean {
  if (!content) return true;
  if (content.type === 'text') return content.text.trim() === '';
  if (content.type === 'messages') return content.messages.length === 0;
  if (content.type === 'documents') return content.documents.length === 0;
  return content.value === null || content.value === undefined;
}

/** The object or list that a text spells out as JSON; null when it is anything else. */
export function parseJsonText(text: string): object | null {
  const trimmed = text.trim();
  // Numbers and quoted strings are JSON too, but nobody wants them as a tree.
  if (!/^[[{]/.test(trimmed) || trimmed.length > 2_000_000) return null;
  try {
    const value: unknown = JSON.parse(trimmed);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
