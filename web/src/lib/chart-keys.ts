// The keys of a chart that has the focus: arrows, Home and End move its cursor, Enter opens, Escape leaves.
import { type KeyboardEvent, useState } from 'react';
import { type ChartCursor, type ChartRoom, cursorAfter, isIn } from '../model/chart-cursor';

export interface ChartKeys {
  /** Where the keys have moved; null before they have, and after they have left. */
  cursor: ChartCursor | null;
  onKeyDown: (event: KeyboardEvent) => void;
  leave: () => void;
}

/** What it takes as its own is prevented, so that the keys of the page leave it alone. */
export function useChartKeys(room: ChartRoom, onOpen: (cursor: ChartCursor) => void): ChartKeys {
  const [held, setHeld] = useState<ChartCursor | null>(null);
  const cursor = held && isIn(room, held) ? held : null;
  const leave = () => setHeld(null);
  const onKeyDown = (event: KeyboardEvent) => {
    // Alt and an arrow goes back to the page before.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      if (!cursor) return;
      // What was chosen is done with; the next key goes on from here.
      setHeld({ ...cursor, from: cursor.at });
      onOpen(cursor);
    } else if (event.key === 'Escape') {
      if (!cursor) return;
      event.preventDefault();
      leave();
    } else {
      const next = cursorAfter(room, cursor, event.key, event.shiftKey);
      if (!next) return;
      event.preventDefault();
      setHeld(next);
    }
  };
  return { cursor, onKeyDown, leave };
}
