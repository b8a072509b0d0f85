// A chart over time. It draws with uPlot and is read by screen readers as a sentence with its figures.
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import type { Columns } from '../model/buckets';
import { useShownScheme } from '../state/scheme';
import classes from './chart.module.css';

const HEIGHT = 168;
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
  earlier?: { label: string; values: (number | null)[] } | undefined;
  /** The stretch of time of the point that was clicked, in milliseconds. */
  onPick: (from: number, to: number) => void;
}

export function Chart({ title, columns, series, bars, whole, format, earlier, onPick }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const current = useRef({ onPick, format });
  useEffect(() => {
    current.current = { onPick, format };
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
      }),
      [columns.times, ...columns.series, ...(earlier ? [earlier.values] : [])],
      element,
    );
    const onClick = () => {
      const at = plot.cursor.idx;
      const from = at == null ? undefined : columns.times[at];
      if (from === undefined) return;
      const next = columns.times[at! + 1] ?? from + ((columns.times[1] ?? from) - (columns.times[0] ?? from));
      current.current.onPick(from * 1000, next * 1000);
    };
    plot.over.addEventListener('click', onClick);
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [columns, series, bars, whole, earlier, scheme]);

  const sums = series.map(({ label }, at) => {
    const values = (columns.series[at] ?? []).filter((value) => value !== null);
    return `${label}: ${values.length > 0 ? format(Math.max(...values)) : '–'}`;
  });
  return (
    <figure className={classes.chart}>
      <figcaption className={classes.title}>{title}</figcaption>
      <div ref={box} className={classes.plot} role="img" aria-label={`${title}, max. ${sums.join(', ')}`} />
    </figure>
  );
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
}

function options({ width, series, bars, whole, earlier, colour, format }: Drawing): uPlot.Options {
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
      {
        value: (_plot, value) =>
          value == null
            ? '–'
            : new Date(value * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
      },
      ...series.map((each) => ({
        label: each.label,
        stroke: colour(each.colour),
        ...(bars
          ? { fill: `color-mix(in srgb, ${colour(each.colour)} 70%, transparent)`, paths, points: { show: false } }
          : {}),
        width: 1.75,
        spanGaps: true,
        value: (_plot: uPlot, value: number | null) => (value == null ? '–' : format(value)),
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
              value: (_plot: uPlot, value: number | null) => (value == null ? '–' : format(value)),
            },
          ]),
    ],
  };
}
