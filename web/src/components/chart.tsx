// A chart over time. It draws with uPlot, is read by screen readers as a sentence with its figures, and point by point by keys.
import 'uplot/dist/uPlot.min.css';
import { ActionIcon } from '@mantine/core';
import { IconTable } from '@tabler/icons-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useChartKeys } from '../lib/chart-keys';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { type Columns, stretchAt } from '../model/buckets';
import type { ChartCursor } from '../model/chart-cursor';
import { formatPoint } from '../model/format';
import { useShownScheme } from '../state/scheme';
import classes from './chart.module.css';
import { ChartTable, type Line, shown } from './chart-table';
import { Spoken } from './spoken';

const HEIGHT = 168;
/** Where a cursor is not seen. */
const AWAY = -10;
/** Steps between ticks of counts. */
const WHOLE_TICKS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

export interface Series {
  label: string;
  /** Name of a colour of theme.css. */
  colour: string;
}

export interface ChartProps {
  title: string;
  columns: Columns;
  series: Series[];
  bars?: boolean;
  /** Whether the values are whole numbers, so that no tick lies between two. */
  whole?: boolean;
  format: (value: number) => string;
  /** The same of the time before, drawn dashed at the time of now. */
  earlier?: Line | undefined;
  /** What else can be done with it, beside its title. */
  tools?: ReactNode;
  /** The stretch of time of the point that was chosen, in milliseconds. */
  onPick: (from: number, to: number) => void;
}

export function Chart({ title, columns, series, bars, whole, format, earlier, tools, onPick }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const help = useId();
  const [asTable, setAsTable] = useState(false);
  const { times } = columns;
  const own: Line[] = series.map(({ label }, at) => ({ label, values: columns.series[at] ?? [] }));
  const lines = earlier ? [...own, earlier] : own;
  const open = (at: number) => {
    const stretch = stretchAt(times, at);
    if (stretch) onPick(stretch.from, stretch.to);
  };
  const room = { points: times.length, lines: lines.length, stretches: false };
  const { cursor, onKeyDown, leave } = useChartKeys(room, ({ at }) => open(at));
  const current = useRef({ open, format, cursor });
  useEffect(() => {
    current.current = { open, format, cursor };
  });
  const scheme = useShownScheme();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read anew when the scheme changes
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const plot = new uPlot(
      options({
        width: element.clientWidth,
        series,
        bars: Boolean(bars),
        whole: Boolean(whole),
        earlier: earlier?.label,
        colour,
        format: (value) => current.current.format(value),
        // The keys may have been here before it was drawn anew.
        onReady: (ready) => place(ready, current.current.cursor),
      }),
      [columns.times, ...columns.series, ...(earlier ? [earlier.values] : [])],
      element,
    );
    drawn.current = plot;
    plot.over.addEventListener('click', () => {
      if (plot.cursor.idx != null) current.current.open(plot.cursor.idx);
    });
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      drawn.current = null;
      resized.disconnect();
      plot.destroy();
    };
  }, [columns, series, bars, whole, earlier, scheme]);
  useEffect(() => {
    if (drawn.current?.status === 1) place(drawn.current, cursor);
  }, [cursor]);

  const sums = own.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    return `${isolated(label)}: ${shown(known.length > 0 ? Math.max(...known) : null, format)}`;
  });
  return (
    <figure className={classes.chart}>
      <figcaption className={classes.title}>{title}</figcaption>
      <div className={classes.tools}>
        <ActionIcon
          variant={asTable ? 'light' : 'subtle'}
          color="gray"
          size={26}
          aria-label={text.chart.asTable(title)}
          aria-pressed={asTable}
          title={text.chart.asTable(title)}
          onClick={() => setAsTable(!asTable)}
        >
          <IconTable size={15} stroke={1.8} />
        </ActionIcon>
        {tools}
      </div>
      <div className={classes.body}>
        {/* It keeps its place below the table, so that nothing moves. */}
        <div
          className={classes.plot}
          data-covered={asTable || undefined}
          role="application"
          aria-roledescription={text.chart.kind}
          aria-label={`${isolated(title)}, max. ${sums.join(', ')}`}
          aria-describedby={help}
          tabIndex={0}
          onKeyDown={onKeyDown}
          onBlur={leave}
          // The pointer takes the cursor over.
          onPointerMove={cursor ? leave : undefined}
        >
          <div ref={box} aria-hidden />
        </div>
        <Spoken id={help} help={text.chart.help} words={cursor ? wordsAt(cursor, times, lines, format) : ''} />
        {asTable && (
          <ChartTable label={text.chart.asTable(title)} times={times} lines={lines} format={format} onOpen={open} />
        )}
      </div>
    </figure>
  );
}

/** What stands at the cursor, of the line that it is on or of all of them. */
function wordsAt({ at, line }: ChartCursor, times: number[], lines: Line[], format: (value: number) => string): string {
  const told = line > 0 ? lines.slice(line - 1, line) : lines;
  return text.chart.point(
    formatPoint((times[at] ?? 0) * 1000),
    told.map(({ label, values }) => `${label} ${shown(values[at], format)}`),
  );
}

/** Puts the cursor where the pointer would put it: at the point, and on its line if it is on one. */
function place(plot: uPlot, cursor: ChartCursor | null): void {
  const line = cursor?.line ?? 0;
  const time = cursor ? plot.data[0][cursor.at] : null;
  const value = cursor && line > 0 ? plot.data[line]?.[cursor.at] : null;
  plot.setSeries(line > 0 ? line : null, { focus: true });
  plot.setCursor({
    left: time == null ? AWAY : plot.valToPos(time, 'x'),
    top: value == null ? AWAY : plot.valToPos(value, 'y'),
  });
  plot.root.querySelectorAll('.u-legend .u-series').forEach((row, at) => {
    row.toggleAttribute('data-on', line > 0 && at === line);
  });
}

/** Half the time between two points, in seconds. */
function roomOf(plot: uPlot): number {
  const [first, second] = plot.data[0];
  return first !== undefined && second !== undefined ? (second - first) / 2 : 0;
}

/** Days where the ticks are days apart, else times of day. */
function labelsOf(times: readonly number[]): string[] {
  const apart = (times[1] ?? 0) - (times[0] ?? 0);
  const style: Intl.DateTimeFormatOptions =
    apart >= 86_400 ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit' };
  return times.map((time) => new Date(time * 1000).toLocaleString(undefined, style));
}

interface Drawing {
  width: number;
  series: Series[];
  bars: boolean;
  whole: boolean;
  earlier: string | undefined;
  colour: (name: string) => string;
  format: (value: number) => string;
  onReady: (plot: uPlot) => void;
}

function options({ width, series, bars, whole, earlier, colour, format, onReady }: Drawing): uPlot.Options {
  const axis = {
    stroke: colour('--nt-muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--nt-line'), width: 1 },
    ticks: { show: false },
  };
  const paths = bars ? uPlot.paths.bars?.({ size: [0.7, 40], radius: 0.15 }) : undefined;
  return {
    width,
    height: HEIGHT,
    padding: [10, 22, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    legend: { live: true },
    hooks: { ready: [onReady] },
    scales: {
      // Half a bucket of room on both sides, else the first and the last bar are cut in two.
      x: { range: (plot, from, to) => [from - roomOf(plot), to + roomOf(plot)] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 80, values: (_plot, times) => labelsOf(times) },
      {
        ...axis,
        size: 52,
        space: 34,
        ...(whole ? { incrs: WHOLE_TICKS } : {}),
        values: (_plot, values) => values.map((value) => format(value)),
      },
    ],
    series: [
      { value: (_plot, value) => (value == null ? '–' : formatPoint(value * 1000)) },
      ...series.map((each) => ({
        label: each.label,
        stroke: colour(each.colour),
        ...(bars
          ? { fill: `color-mix(in srgb, ${colour(each.colour)} 70%, transparent)`, paths, points: { show: false } }
          : {}),
        width: 1.75,
        spanGaps: true,
        value: (_plot: uPlot, value: number | null) => shown(value, format),
      })),
      ...(earlier === undefined
        ? []
        : [
            {
              label: earlier,
              stroke: colour('--nt-muted'),
              dash: [4, 4],
              width: 1.25,
              spanGaps: true,
              points: { show: false },
              value: (_plot: uPlot, value: number | null) => shown(value, format),
            },
          ]),
    ],
  };
}
