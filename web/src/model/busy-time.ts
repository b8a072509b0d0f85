// Time without the idle stretches: a conversation that rests for hours between two turns still shows both of them.
import type { SpanRow } from '../api/types';
import { parseTime } from './time';

interface Stretch {
  start: number;
  end: number;
  /** Busy milliseconds before it. */
  before: number;
}

export interface BusyTime {
  /** Busy milliseconds in all. */
  length: number;
  /** Where rests were left out, as shares from 0 to 1. */
  rests: number[];
  /** The place of a moment, as a share from 0 to 1. */
  at(time: number): number;
}

export interface Placed {
  span: SpanRow;
  start: number;
  end: number;
}

/** The steps with a start, by it; what still runs ends now. Feedback is no work, and comes when it comes. */
export function placedSteps(spans: readonly SpanRow[], now: number): Placed[] {
  const placed = spans.flatMap((span) => {
    const start = parseTime(span.start_time);
    if (start === null) return [];
    const end = span.running ? Math.max(now, start) : Math.max(parseTime(span.end_time) ?? start, start);
    return [{ span, start, end }];
  });
  return placed.sort((a, b) => a.start - b.start || b.end - a.end);
}

export function busyTime(steps: readonly Placed[]): BusyTime {
  const stretches: Stretch[] = [];
  for (const { start, end } of steps) {
    const last = stretches[stretches.length - 1];
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else stretches.push({ start, end, before: last ? last.before + last.end - last.start : 0 });
  }
  const last = stretches[stretches.length - 1];
  const length = last ? last.before + last.end - last.start : 0;
  const share = (busy: number) => (length > 0 ? busy / length : 0);
  return {
    length,
    rests: stretches.slice(1).map(({ before }) => share(before)),
    at: (time) => {
      // The last stretch that begins before the moment.
      let low = 0;
      let high = stretches.length - 1;
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (stretches[middle]!.start <= time) low = middle;
        else high = middle - 1;
      }
      const stretch = stretches[low];
      if (!stretch) return 0;
      return share(stretch.before + Math.min(Math.max(0, time - stretch.start), stretch.end - stretch.start));
    },
  };
}
