// When the conversations of the list were, as small bars. A drag over them narrows the list to that time.
import { type PointerEvent, useMemo, useState } from 'react';
import type { ConversationFilter } from '../api/client';
import { text } from '../lib/text';
import { bucketingOf, columnsOf, type Reading, zoneOffset } from '../model/buckets';
import { formatAbsolute, formatTick, plural } from '../model/format';
import { sinceTime } from '../model/period';
import { useAggregate } from '../state/analytics';
import classes from './time-histogram.module.css';

/** What the bars cover while no period is chosen. */
const DEFAULT_PERIOD = '30d';
/** Times that are written below the bars. */
const TICKS = 4;
/** The number of all conversations, and of those with errors among them. */
const METRICS = ['error_share' as const];
const read: Reading = (row) => [row.count, Math.round(row.count * (Number(row.values[0]) || 0))];

interface Props {
  filter: ConversationFilter;
  period: string | undefined;
  /** The stretch of time that was picked before. */
  picked: { after?: string; before?: string };
  onPick: (after: string, before: string) => void;
  /** Whether the list could be read. */
  ready?: boolean;
}

export function TimeHistogram({ filter, period = DEFAULT_PERIOD, picked, onPick, ready = true }: Props) {
  const bucketing = useMemo(() => bucketingOf(period), [period]);
  const after = useMemo(() => sinceTime(period, Date.now()), [period]);
  const { after: _, before: __, ...rest } = filter;
  const given = Object.entries({ ...rest, after }).filter(([, value]) => value !== undefined);
  const { data } = useAggregate(
    {
      of: 'conversations',
      group_by: [{ time: bucketing.time, every: bucketing.every, offset: zoneOffset(new Date()) }],
      metrics: METRICS,
      filter: Object.fromEntries(given),
    },
    ready,
  );
  const { times, series } = useMemo(
    () =>
      columnsOf(
        data?.items ?? [],
        read,
        2,
        { from: Date.parse(after ?? ''), to: Date.now(), length: bucketing.length },
        0,
      ),
    [data, after, bucketing],
  );
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const counts = series[0] ?? [];
  const failed = series[1] ?? [];
  const most = Math.max(1, ...counts.map((count) => count ?? 0));

  const at = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(times.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * times.length)));
  };
  const pick = () => {
    if (!drag) return;
    const first = times[Math.min(drag.from, drag.to)];
    const last = times[Math.max(drag.from, drag.to)];
    setDrag(null);
    if (first === undefined || last === undefined) return;
    onPick(new Date(first * 1000).toISOString(), new Date(last * 1000 + bucketing.length).toISOString());
  };
  const isIn = (index: number) => {
    if (drag) return index >= Math.min(drag.from, drag.to) && index <= Math.max(drag.from, drag.to);
    const time = (times[index] ?? 0) * 1000;
    const { after: from, before: to } = picked;
    return from !== undefined && to !== undefined && time >= Date.parse(from) && time < Date.parse(to);
  };
  return (
    <div className={classes.histogram}>
      <div
        className={classes.bars}
        role="img"
        aria-label={text.list.histogram(plural(data?.matched ?? 0, 'conversation'))}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ from: drag.from, to: at(event) })}
        onPointerUp={pick}
        onPointerCancel={() => setDrag(null)}
      >
        {times.map((time, index) => (
          <span
            key={time}
            className={classes.slot}
            data-in={isIn(index) || undefined}
            title={`${formatAbsolute(time * 1000)}: ${counts[index] ?? 0}`}
          >
            <span
              className={classes.bar}
              style={
                {
                  height: `${((counts[index] ?? 0) / most) * 100}%`,
                  '--failed': `${((failed[index] ?? 0) / Math.max(1, counts[index] ?? 0)) * 100}%`,
                } as React.CSSProperties
              }
            />
          </span>
        ))}
      </div>
      <div className={classes.axis} aria-hidden>
        {Array.from({ length: TICKS }, (_, tick) => times[Math.floor((tick * times.length) / TICKS)] ?? 0).map(
          (time) => (
            <span key={time}>{time > 0 && formatTick(time * 1000, bucketing.length)}</span>
          ),
        )}
        <span>{text.list.now}</span>
      </div>
    </div>
  );
}
