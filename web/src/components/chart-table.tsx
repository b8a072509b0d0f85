// The numbers of a chart as a table: a row for each point, which leads to what is behind it, and a column for each line.
import { text } from '../lib/text';
import { formatPoint } from '../model/format';
import classes from './chart.module.css';
import tableClasses from './table.module.css';
import { TableFrame } from './table-frame';

/** What is drawn as one line, or as bars: what it is called, and its value at each point. */
export interface Line {
  label: string;
  values: (number | null)[];
}

const STYLES = { ...tableClasses, frame: classes.frame! };

interface Props {
  label: string;
  /** The points, in seconds. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  onOpen: (at: number) => void;
}

export function ChartTable({ label, times, lines, format, onOpen }: Props) {
  return (
    <TableFrame label={label} columns={[text.chart.time, ...lines.map((line) => line.label)]} styles={STYLES}>
      {times.map((time, at) => (
        <tr key={time}>
          <th scope="row">
            <button type="button" className={tableClasses.open} onClick={() => onOpen(at)}>
              {formatPoint(time * 1000)}
            </button>
          </th>
          {lines.map(({ values }, line) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be called the same
            <td key={line}>{shown(values[at], format)}</td>
          ))}
        </tr>
      ))}
    </TableFrame>
  );
}

/** A value as a chart shows it. */
export function shown(value: number | null | undefined, format: (value: number) => string): string {
  return value == null ? '–' : format(value);
}
