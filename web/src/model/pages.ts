// How a fresh first page joins a list that is already on screen, without losing what was loaded below it.
import type { Page, TraceDetail, Transcript } from '../api/types';

export interface Merged<T> {
  pages: Page<T>[];
  /** Rows that the list did not hold before. */
  added: string[];
}

/** Rows that a list which is read at its top holds at most. */
const MOST_HELD = 500;

/**
 * Puts the fresh first page on top and keeps every other row below in its order. When the fresh page is the whole list, it
 * replaces everything, so that rows which no longer match go away. So it does where the reader is at the top and many rows are
 * held: a list that is left open would hold all that has ever come in. What is below comes again with whoever goes there.
 */
export function mergeFirstPage<T>(
  pages: readonly Page<T>[],
  fresh: Page<T>,
  idOf: (item: T) => string,
  atTop = false,
): Merged<T> {
  const known = new Set(pages.flatMap((page) => page.items.map(idOf)));
  const added = fresh.items.map(idOf).filter((id) => !known.has(id));
  const [first, ...rest] = pages;
  const overgrown = atTop && known.size > MOST_HELD;
  if (!first || !fresh.next_cursor || overgrown) return { pages: [fresh], added };
  const freshIds = new Set(fresh.items.map(idOf));
  const others = (page: Page<T>) => page.items.filter((item) => !freshIds.has(idOf(item)));
  // NOTE: the cursor of the old first page stays valid, because it marks a place in the order and not a number of rows.
  // A list that was shorter than a page has none yet; then the fresh one leads on.
  const cursor = first.next_cursor ?? (rest.length === 0 ? fresh.next_cursor : null);
  const kept = first.next_cursor ? others(first) : [];
  return {
    pages: [
      { ...fresh, items: [...fresh.items, ...kept], next_cursor: cursor },
      ...rest.map((page) => ({ ...page, items: others(page) })),
    ],
    added,
  };
}

/**
 * How many of the pages that are here are worth drawing: twice as many as the last time, or all of them. Drawing a large
 * trace anew with every page would cost the square of its size.
 */
export function readyPages(here: number, complete: boolean): number {
  return complete || here === 0 ? here : 2 ** Math.floor(Math.log2(here));
}

/** The pages of a trace as one; the totals are those of the latest page. */
export function joinTracePages(pages: readonly TraceDetail[] | undefined): TraceDetail | null {
  const last = pages?.[pages.length - 1];
  if (!pages || !last) return null;
  return { trace: last.trace, spans: pages.length === 1 ? last.spans : pages.flatMap((page) => page.spans) };
}

/**
 * The pages of a conversation as one. Totals are those of the last page, which is read again with every change; a turn that two
 * pages have, since something before it went away, is there once.
 */
export function joinTranscript(pages: readonly Transcript[] | undefined): Transcript | null {
  const last = pages?.[pages.length - 1];
  if (!pages || !last) return null;
  if (pages.length === 1) return last;
  const seen = new Set<string>();
  const turns = pages
    .flatMap((page) => page.turns)
    .filter((turn) => {
      const key = `${turn.trace_id}/${turn.span_id ?? ''}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  const told = pages.findLast((page) => page.custom != null);
  return {
    ...last,
    user: pages.findLast((page) => page.user != null)?.user ?? null,
    metadata: Object.assign({}, ...pages.map((page) => page.metadata)),
    custom: told?.custom,
    turns,
  };
}
