// Numbers, times and names as people read them. Pure; the clock is always passed in.
import type { Usage, User } from '../api/types';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0 ms`, `0.4 ms`, `820 ms`, `1.24 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 0.1) return '<0.1 ms';
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${trim((ms / SECOND).toFixed(2))} s`;
  if (ms < 59.95 * SECOND) return `${trim((ms / SECOND).toFixed(1))} s`;
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's');
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min');
  return pair(ms, DAY, 'd', HOUR, 'h');
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function pair(ms: number, unit: number, name: string, part: number, partName: string): string {
  const parts = Math.round(ms / part);
  const perUnit = unit / part;
  const rest = parts % perUnit;
  const whole = `${Math.floor(parts / perUnit)} ${name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${partName}`;
}

/** How long ago, in one unit: `now`, `12s`, `5m`, `3h`, `2d`, then the date. */
export function formatAgo(time: number, now: number): string {
  const age = now - time;
  // A client's clock may be ahead of ours; a few seconds of that are not worth a word.
  if (age < 5 * SECOND && age > -MINUTE) return 'now';
  if (age < 0) return formatDate(time, now);
  if (age < MINUTE) return `${Math.floor(age / SECOND)}s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)}m ago`;
  if (age < DAY) return `${Math.floor(age / HOUR)}h ago`;
  if (age < 7 * DAY) return `${Math.floor(age / DAY)}d ago`;
  return formatDate(time, now);
}

function formatDate(time: number, now: number): string {
  const date = new Date(time);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    ...(sameYear ? {} : { year: 'numeric' }),
  });
}

/** Date and time to the second, in the reader's zone, which is named, and language. */
export function formatAbsolute(time: number | null): string {
  if (time === null) return '–';
  return new Date(time).toLocaleString(undefined, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
}

/** A stretch of time to the minute, said as shortly as it can be, in the reader's zone; `…` for an end that is open. */
export function formatStretch(from: number | null, to: number | null): string {
  const format = new Intl.DateTimeFormat(undefined, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  });
  if (from !== null && to !== null && from <= to) return format.formatRange(from, to);
  const end = (time: number | null) => (time === null ? '…' : format.format(time));
  return `${end(from)} – ${end(to)}`;
}

/** The time of day, `14:05:09`. */
export function formatClock(time: number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** A time below a chart whose bars are so long: the day, or of short ones the time of day. */
export function formatTick(time: number, length: number): string {
  const day = length >= 6 * HOUR;
  return new Date(time).toLocaleString(
    undefined,
    day ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit' },
  );
}

/** The time of a point of a chart: the date and the time to the minute, in the reader's zone and language. */
export function formatPoint(time: number): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** `950`, `1.2k`, `34k`, `1.5M`, `2.4B`. */
export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 9950) return `${trim((count / 1000).toFixed(1))}k`;
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  if (count < 9.95e6) return `${trim((count / 1e6).toFixed(1))}M`;
  if (count < 999.5e6) return `${Math.round(count / 1e6)}M`;
  if (count < 9.95e9) return `${trim((count / 1e9).toFixed(1))}B`;
  return `${Math.round(count / 1e9).toLocaleString('en-US')}B`;
}

/** US dollars with as many digits as the amount needs. */
export function formatCost(cost: number): string {
  if (cost === 0) return '$0';
  if (Math.abs(cost) < 0.0001) return '<$0.0001';
  if (Math.abs(cost) < 0.01) return `$${cost.toFixed(4)}`;
  if (Math.abs(cost) < 1) return `$${cost.toFixed(3)}`;
  return `$${cost.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Tokens in and out together; null where nobody counted. */
export function totalTokens(usage: Usage | null | undefined): number | null {
  if (!usage) return null;
  const { input, output } = usage;
  if (input == null && output == null) return null;
  return (input ?? 0) + (output ?? 0);
}

/** What to call a user: the name, else the address, else the id. */
export function userName(user: User | null | undefined): string | null {
  return user?.name || user?.email || user?.id || null;
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name
    .split('@')[0]!
    .split(/[\s._-]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? ([...words[words.length - 1]!][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** A stable hue (0 to 359) for a name, so that a user keeps one colour everywhere. */
export function hueOf(name: string): number {
  let hash = 2166136261;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 16777619);
  // Ids that differ in their last digit only must not end up side by side.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash ^= hash >>> 13;
  return (hash >>> 0) % 360;
}

/** `1 step`, `2 steps`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
