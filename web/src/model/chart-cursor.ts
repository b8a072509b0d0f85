// The place in a chart that keys move: from point to point, from line to line, and over a stretch of points. Pure.

export interface ChartCursor {
  /** The point, counted from the left. */
  at: number;
  /** The other end of the stretch of points that is chosen; `at` where none is. */
  from: number;
  /** Which line is told of, counted from 1; 0 for all of them. */
  line: number;
}

/** What a chart has to move about in. */
export interface ChartRoom {
  points: number;
  lines: number;
  /** Whether Shift chooses a stretch of points. */
  stretches: boolean;
}

/** Whether a cursor stands in a chart as it is now. */
export function isIn({ points, lines }: ChartRoom, { at, from, line }: ChartCursor): boolean {
  return Math.max(at, from) < points && line <= lines;
}

/** Where a key leads to from a cursor; null for a key that is none of the chart. */
export function cursorAfter(
  room: ChartRoom,
  cursor: ChartCursor | null,
  key: string,
  shift: boolean,
): ChartCursor | null {
  const last = room.points - 1;
  if (last < 0) return null;
  const line = cursor?.line ?? 0;
  const toPoint = (point: number): ChartCursor => {
    const at = Math.min(last, Math.max(0, point));
    return { at, from: room.stretches && shift && cursor ? cursor.from : at, line };
  };
  const toLine = (next: number): ChartCursor | null =>
    room.lines < 2 ? null : { ...(cursor ?? toPoint(0)), line: Math.min(room.lines, Math.max(0, next)) };
  switch (key) {
    case 'ArrowRight':
      return toPoint(cursor ? cursor.at + 1 : 0);
    case 'ArrowLeft':
      return toPoint(cursor ? cursor.at - 1 : last);
    case 'Home':
      return toPoint(0);
    case 'End':
      return toPoint(last);
    case 'ArrowDown':
      return toLine(line + 1);
    case 'ArrowUp':
      return toLine(line - 1);
    default:
      return null;
  }
}
