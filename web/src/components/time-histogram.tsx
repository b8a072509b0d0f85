// When the conversations of the list were, as small bars. A drag over them, or Shift and arrows, narrows the list to that time.
import { type PointerEvent, useId, useMemo, useState } from 'react';
import type { ConversationFilter } from '../api/client';
import { useChartKeys } from '../lib/chart-keys';
import { text } from '../lib/text';
import { bucketingOf, columnsOf, type Reading, zoneOffset } from '../model/buckets';
import { formatAbsolute, formatStretch, formatTick, plural } from '../model/format';
import { sinceTime } from '../model/period';
import { useAggregate } from '../state/analytics';
import button from './button.module.css';
import { Spoken } from './spoken';
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

/** From one bar to another, in either direction. */
interface Stretch {
  from: number;
  to: number;
}

export function TimeHistogram({ filter, period = DEFAULT_PERIOD, picked, onPick, ready = true }: Props) {
  const bucketing = useMemo(() => bucketingOf(period), [period]);
  const after = useMemo(() => sinceTime(period, Date.now()), [period]);
  const { after: _, before: __, ...rest } = filter;
  const given = Object.entries({ ...rest, after }).filter(([, value]) => value !== undefined);
  const { data, error, refetch } = useAggregate(
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
  const [drag, setDrag] = useState<Stretch | null>(null);
  const help = useId();
  const counts = series[0] ?? [];
  const failed = series[1] ?? [];
  const most = Math.max(1, ...counts.map((count) => count ?? 0));

  const at = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(times.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * times.length)));
  };
  const pick = ({ from, to }: Stretch) => {
    const first = times[Math.min(from, to)];
    const last = times[Math.max(from, to)];
    if (first === undefined || last === undefined) return;
    onPick(new Date(first * 1000).toISOString(), new Date(last * 1000 + bucketing.length).toISOString());
  };
  const room = { points: times.length, lines: 1, stretches: true };
  const keys = useChartKeys(room, (cursor) => pick({ from: cursor.from, to: cursor.at }));
  const chosen = keys.cursor && { from: keys.cursor.from, to: keys.cursor.at };
  const brushed = drag ?? (chosen && chosen.from !== chosen.to ? chosen : null);
  const isIn = (index: number) => {
    if (brushed) return index >= Math.min(brushed.from, brushed.to) && index <= Math.max(brushed.from, brushed.to);
    const time = (times[index] ?? 0) * 1000;
    const { after: from, before: to } = picked;
    return from !== undefined && to !== undefined && time >= Date.parse(from) && time < Date.parse(to);
  };
  const wordsOf = ({ from, to }: Stretch) => {
    const first = Math.min(from, to);
    const last = Math.max(from, to);
    const sum = (values: (number | null)[]) =>
      values.slice(first, last + 1).reduce<number>((all, value) => all + (value ?? 0), 0);
    const time = formatStretch((times[first] ?? 0) * 1000, (times[last] ?? 0) * 1000 + bucketing.length);
    return text.chart.bars(time, plural(sum(counts), 'conversation'), sum(failed));
  };
  const words = chosen ? wordsOf(chosen) : '';
  if (ready && error && !data) {
    return (
      <div className={classes.histogram}>
        <p className={classes.failed} role="status">
          {text.list.histogramFailed}
          <button type="button" className={button.words} onClick={() => void refetch()}>
            {text.errors.retry}
          </button>
        </p>
        <div className={classes.axis} />
      </div>
    );
  }
  return (
    <div className={classes.histogram}>
      <div
        className={classes.bars}
        role="application"
        aria-roledescription={text.chart.kind}
        aria-label={text.list.histogram(plural(data?.matched ?? 0, 'conversation'))}
        aria-describedby={help}
        tabIndex={0}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          keys.leave();
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ from: drag.from, to: at(event) })}
        onPointerUp={() => {
          if (!drag) return;
          setDrag(null);
          pick(drag);
        }}
        onPointerCancel={() => setDrag(null)}
        onKeyDown={keys.onKeyDown}
        onBlur={keys.leave}
      >
        {times.map((time, index) => (
          <span
            key={time}
            className={classes.slot}
            aria-hidden
            data-in={isIn(index) || undefined}
            data-cursor={keys.cursor?.at === index || undefined}
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
      <Spoken id={help} help={text.chart.helpBars} words={words} />
      <div className={classes.axis} aria-hidden>
        {words ? <span className={classes.words}>{words}</span> : <Ticks times={times} length={bucketing.length} />}
      </div>
    </div>
  );
}

function Ticks({ times, length }: { times: readonly number[]; length: number }) {
  return (
    <>
      {Array.from({ length: TICKS }, (_, tick) => times[Math.floor((tick * times.length) / TICKS)] ?? 0).map((time) => (
        <span key={time}>{time > 0 && formatTick(time * 1000, length)}</span>
      ))}
      <span>{text.list.now}</span>
    </>
  );
}
