// Stretches of time for charts: how long each is, and the answer of an aggregate as columns over all of them.
import type { AggregateRow } from '../api/types';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface Bucketing {
  time: 'minute' | 'hour' | 'day';
  every: number;
  /** Milliseconds of one bucket. */
  length: number;
}

/** Buckets for a period as the URL names it: 24 to 60 of them. */
export function bucketingOf(period: string): Bucketing {
  const hours = Number.parseInt(period, 10) * (period.endsWith('d') ? 24 : 1);
  if (hours <= 1) return { time: 'minute', every: 2, length: 2 * MINUTE };
  if (hours <= 24) return { time: 'hour', every: 1, length: HOUR };
  if (hours <= 24 * 7) return { time: 'hour', every: 6, length: 6 * HOUR };
  return { time: 'day', every: 1, length: DAY };
}

/** How far the reader's clock is ahead of UTC, e.g. `+02:00`. */
export function zoneOffset(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** The times of all buckets in seconds, and one column of numbers for each series. */
export interface Columns {
  times: number[];
  series: (number | null)[][];
}

/** What the chart reads from a row: one number for each series. */
export type Reading = (row: AggregateRow) => (number | null)[];

/** A number at every bucket from `from` to `to`; `empty` where nothing happened. */
export function columnsOf(
  rows: readonly AggregateRow[],
  read: Reading,
  width: number,
  { from, to, length }: { from: number; to: number; length: number },
  empty: number | null,
): Columns {
  const byTime = new Map<number, AggregateRow>();
  for (const row of rows) {
    const time = Date.parse(String(row.group[0]));
    if (!Number.isNaN(time)) byTime.set(time, row);
  }
  // Buckets begin where the server's do: any of its answers tells, else the period itself.
  const first = byTime.keys().next().value ?? from;
  const times: number[] = [];
  for (let time = first - Math.floor((first - from) / length) * length; time <= to; time += length) times.push(time);
  // A change to summer time shifts days by an hour; such a bucket is put beside the others, never left out.
  for (const time of byTime.keys()) if (!times.includes(time) && time <= to) times.push(time);
  times.sort((a, b) => a - b);
  const readings = times.map((time) => {
    const row = byTime.get(time);
    return row ? read(row) : null;
  });
  return {
    times: times.map((time) => time / 1000),
    series: Array.from({ length: width }, (_, at) =>
      readings.map((reading) => (reading ? (reading[at] ?? null) : empty)),
    ),
  };
}

/** One number of the time before at each bucket of the charts, `shift` milliseconds later than it was. */
export function earlierOf(
  rows: readonly AggregateRow[],
  read: Reading,
  at: number,
  times: readonly number[],
  shift: number,
  empty: number | null,
): (number | null)[] {
  const byTime = new Map(rows.map((row) => [(Date.parse(String(row.group[0])) + shift) / 1000, row]));
  return times.map((time) => {
    const row = byTime.get(time);
    return row ? (read(row)[at] ?? null) : empty;
  });
}

/** The number at a place of the row's measures; of percentiles the one at `part`. */
export function measured(row: AggregateRow, at: number, part = 0): number | null {
  const value = row.values[at];
  return (Array.isArray(value) ? value[part] : value) ?? null;
}

/** `+12 %`; null where there is nothing to compare with. */
export function changeOf(now: number | null, before: number | null): string | null {
  if (now === null || !before) return null;
  const percent = Math.round(((now - before) / before) * 100);
  if (percent === 0) return '±0 %';
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent)} %`;
}

/** The stretch of time that a point of a chart stands for, in milliseconds; null where there is no such point. */
export function stretchAt(times: readonly number[], at: number): { from: number; to: number } | null {
  const from = times[at];
  if (from === undefined) return null;
  // The last one is as long as the first.
  const to = times[at + 1] ?? from + ((times[1] ?? from) - (times[0] ?? from));
  return { from: from * 1000, to: to * 1000 };
}
