// Where the bar of a step begins and how long it is, relative to the turn or trace it belongs to.
import type { SpanRow } from '../api/types';
import { parseTime } from './time';

export interface Extent {
  start: number;
  end: number;
}

/** From the first start to the last end; a step that still runs reaches until `now`. */
export function extentOf(spans: readonly SpanRow[], now: number): Extent | null {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  // Feedback comes minutes after the answer; it must not squeeze the work into the first pixels.
  const work = spans.filter((span) => span.kind !== 'feedback');
  for (const span of work.length > 0 ? work : spans) {
    const began = parseTime(span.start_time);
    if (began === null) continue;
    start = Math.min(start, began);
    end = Math.max(end, endOf(span, began, now));
  }
  return start === Number.POSITIVE_INFINITY ? null : { start, end };
}

function endOf(span: SpanRow, began: number, now: number): number {
  if (span.running) return Math.max(now, began);
  // NOTE: an end before the start is a client's clock at fault; the bar then has no length, never a negative one.
  return Math.max(parseTime(span.end_time) ?? began, began);
}

export interface Bar {
  /** Percent of the track. */
  left: number;
  width: number;
}

/** The bar in percent of the track; null for a step without a start. */
export function barOf(span: SpanRow, extent: Extent | null, now: number): Bar | null {
  const began = parseTime(span.start_time);
  if (began === null || !extent) return null;
  const length = extent.end - extent.start;
  // Everything at one moment: a mark, not a length that nothing had.
  if (length <= 0) return { left: 0, width: 0 };
  const ended = endOf(span, began, now);
  if (began > extent.end || ended < extent.start) return null;
  // Zoomed in, a step may have begun before the track and end after it.
  const from = Math.max(began, extent.start);
  const to = Math.min(ended, extent.end);
  return { left: ((from - extent.start) / length) * 100, width: ((to - from) / length) * 100 };
}

/** The part of the extent between two shares of it, from 0 to 1. */
export function zoomed(extent: Extent, from: number, to: number): Extent {
  const length = extent.end - extent.start;
  return { start: extent.start + from * length, end: extent.start + to * length };
}
