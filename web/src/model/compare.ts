// Two things beside each other as rows of the page: what is the same is folded, what differs stands side by side. Pure.
import type { Aligned, Content, Document, Message, NumberPair, Part } from '../api/types';
import { formatCost, formatDuration } from './format';

/** A conversation, a trace, or with a trace one of its steps. */
export interface Thing {
  conversation?: string | undefined;
  trace?: string | undefined;
  step?: string | undefined;
}

export type ThingKind = 'conversation' | 'trace' | 'step';

/** The two things in the address, by the names of the API. */
export interface CompareSearch {
  left_conversation_id?: string | undefined;
  right_conversation_id?: string | undefined;
  left_trace_id?: string | undefined;
  right_trace_id?: string | undefined;
  left_span_id?: string | undefined;
  right_span_id?: string | undefined;
}

export function kindOf(thing: Thing): ThingKind | null {
  if (thing.step && thing.trace) return 'step';
  if (thing.trace) return 'trace';
  return thing.conversation ? 'conversation' : null;
}

export function sideOf(search: CompareSearch, side: 'left' | 'right'): Thing {
  return {
    conversation: search[`${side}_conversation_id`],
    trace: search[`${side}_trace_id`],
    step: search[`${side}_span_id`],
  };
}

export function searchOf(left: Thing, right: Thing): CompareSearch {
  return {
    left_conversation_id: left.conversation,
    right_conversation_id: right.conversation,
    left_trace_id: left.trace,
    right_trace_id: right.trace,
    left_span_id: left.step,
    right_span_id: right.step,
  };
}

export function sameThing(a: Thing, b: Thing): boolean {
  return a.conversation === b.conversation && a.trace === b.trace && a.step === b.step;
}

export type Row =
  | { type: 'same'; key: string; items: unknown[] }
  | { type: 'fork'; key: string }
  | { type: 'pair'; key: string; left: unknown; right: unknown };

/** Rows of an alignment: runs of what is the same, and what only one side has beside what only the other has at that place. */
export function rowsOf({ pairs, fork }: Aligned): Row[] {
  const rows: Row[] = [];
  let at = 0;
  while (at < pairs.length) {
    const begin = at;
    // A row that only says where they part is of use only behind what is shared.
    if (at === fork && at > 0) rows.push({ type: 'fork', key: `fork-${at}` });
    if (pairs[at]!.same) {
      while (pairs[at]?.same) at += 1;
      rows.push({ type: 'same', key: `same-${begin}`, items: pairs.slice(begin, at).map(({ left }) => left) });
    } else if (pairs[at]!.left != null && pairs[at]!.right != null) {
      rows.push({ type: 'pair', key: `pair-${at}`, left: pairs[at]!.left, right: pairs[at]!.right });
      at += 1;
    } else {
      const alone = { left: [] as unknown[], right: [] as unknown[] };
      for (let pair = pairs[at]; pair && !pair.same && (pair.left == null || pair.right == null); pair = pairs[at]) {
        if (pair.left != null) alone.left.push(pair.left);
        else alone.right.push(pair.right);
        at += 1;
      }
      for (let each = 0; each < Math.max(alone.left.length, alone.right.length); each += 1) {
        const [left, right] = [alone.left[each] ?? null, alone.right[each] ?? null];
        rows.push({ type: 'pair', key: `pair-${begin}-${each}`, left, right });
      }
    }
  }
  return rows;
}

export function countSame({ pairs }: Aligned): { same: number; all: number } {
  return { same: pairs.filter((pair) => pair.same).length, all: pairs.length };
}

/** What an item of an input or output is, as the content of that one item. */
export function contentOfItem(item: unknown): Content {
  if (typeof item === 'object' && item !== null) {
    if ('parts' in item && 'role' in item) return { type: 'messages', messages: [item as Message] };
    if ('type' in item) return item as Content;
    return { type: 'documents', documents: [item as Document] };
  }
  return { type: 'json', value: item };
}

/** The words of a content that is nothing but words, which can be compared word by word. */
export function plainText(content: Content | null | undefined): string | null {
  if (content?.type === 'text') return content.text;
  if (content?.type !== 'messages') return null;
  const parts: Part[] = content.messages.flatMap((message) => message.parts);
  return parts.every((part) => part.type === 'text') ? parts.map((part) => part.text).join('\n') : null;
}

/** A number of a comparison as it is read. */
export function numberText(name: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (name === 'duration_ms') return formatDuration(value);
  return name === 'cost' ? formatCost(value) : value.toLocaleString('en-US');
}

/** By how much the right side is more or less than the left one; null where one of them is not known. */
export function differenceText({ name, left, right }: NumberPair): string | null {
  if (left === null || left === undefined || right === null || right === undefined) return null;
  if (left === right) return '=';
  const by = right - left;
  // Of what is many times as much a percentage says little.
  const times = right / left;
  const percent = `${by > 0 ? '+' : '−'}${Math.round((Math.abs(by) / left) * 100)} %`;
  const share = left === 0 ? '' : ` (${times >= 10 ? `${Math.round(times).toLocaleString('en-US')}×` : percent})`;
  return `${by > 0 ? '+' : '−'}${numberText(name, Math.abs(by))}${share}`;
}
