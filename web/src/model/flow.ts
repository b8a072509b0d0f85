// Which steps are asked for to draw how conversations flow. Pure.
import { valueText } from './query';

export function batchesOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}

/** The query for all steps of these conversations. */
export function conversationsQuery(ids: readonly string[]): string {
  return `conversation:${ids.map(valueText).join('|')}`;
}
