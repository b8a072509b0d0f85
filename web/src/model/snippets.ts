// What a search found, as different messages: steps in which the same words were found belong together.
import type { Highlight, Page, SpanRow } from '../api/types';

export interface Piece {
  text: string;
  found: boolean;
}

/** The snippet cut where what was searched for begins and ends. Ranges are in UTF-16 code units, as the API has them. */
export function piecesOf({ snippet, ranges }: Pick<Highlight, 'snippet' | 'ranges'>): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    if (from === undefined || to === undefined || from < at || to <= from) continue;
    if (from > at) pieces.push({ text: snippet.slice(at, from), found: false });
    pieces.push({ text: snippet.slice(from, to), found: true });
    at = to;
  }
  if (at < snippet.length) pieces.push({ text: snippet.slice(at), found: false });
  return pieces;
}

export interface Hit {
  span: SpanRow;
  highlight: Highlight | null;
  /** Further steps with the same words. */
  also: SpanRow[];
}

/** One hit for each message, in the order of the pages. */
export function hitsOf(pages: readonly Page<SpanRow>[]): Hit[] {
  const hits: Hit[] = [];
  const byWords = new Map<string, Hit>();
  for (const page of pages) {
    page.items.forEach((span, at) => {
      const highlight = page.highlights?.[at] ?? null;
      const same = highlight ? byWords.get(highlight.snippet) : undefined;
      if (same) {
        same.also.push(span);
        return;
      }
      const hit = { span, highlight, also: [] };
      hits.push(hit);
      if (highlight) byWords.set(highlight.snippet, hit);
    });
  }
  return hits;
}
