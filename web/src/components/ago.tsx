// A time as "5m ago", with the exact one on hover.
import { formatAbsolute, formatAgo } from '../model/format';
import { parseTime } from '../model/time';
import { useNow } from '../state/clock';

export function Ago({ time, className }: { time: string | null | undefined; className?: string }) {
  const now = useNow(5000);
  const value = parseTime(time);
  if (value === null) return <span className={className}>–</span>;
  return (
    <time className={className} dateTime={time ?? undefined} title={formatAbsolute(value)}>
      {formatAgo(value, now)}
    </time>
  );
}

/** How long something has been running. */
export function useAge(start: string | null | undefined, running: boolean): number | null {
  const now = useNow(running ? 1000 : null);
  const began = parseTime(start);
  return running && began !== null ? Math.max(0, now - began) : null;
}
