// The virtual list of conversations: keeps its place while new ones arrive on top.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { ConversationRow as Row } from '../api/types';
import { text } from '../lib/text';
import { useColumns } from '../state/preferences';
import classes from './conversation-list.module.css';
import { COLUMNS, type Column, ConversationRow, gridOf } from './conversation-row';
import pill from './pill.module.css';

const ROW_HEIGHT = 60;

interface Props {
  rows: Row[];
  arrived: ReadonlySet<string>;
  selected: string | null;
  onSelect: (id: string) => void;
  hasMore: boolean;
  loadingMore: boolean;
  /** Whether conversations may be missing. */
  truncated: boolean;
  onMore: () => void;
  /** The conversations that are chosen for an action, where there are actions. */
  picked?: ReadonlySet<string>;
  onPick?: (id: string) => void;
  /** Where to start, and where the last place is kept. */
  place: { top: number };
  /** The columns, where they are not those that the reader chose. */
  columns?: readonly string[] | undefined;
  /** A column that would say the same of every row. */
  without?: Column['name'];
}

export function ConversationList(props: Props) {
  const { rows, arrived, selected, onSelect, hasMore, loadingMore, truncated, onMore, place, picked, onPick } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [unseen, setUnseen] = useState(0);
  const [own] = useColumns();
  const { columns: chosen = own, without } = props;
  const columns = useMemo(
    () => COLUMNS.filter(({ name }) => name === 'words' || (chosen.includes(name) && name !== without)),
    [chosen, without],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    initialOffset: place.top,
    getItemKey: (index) => rows[index]?.conversation_id ?? index,
  });

  useKeepPlace(rows, scroller, place, (count) => setUnseen((before) => before + count));

  const items = virtual.getVirtualItems();
  const lastShown = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    if (hasMore && !loadingMore && lastShown >= rows.length - 10) onMore();
  }, [hasMore, loadingMore, lastShown, rows.length, onMore]);

  const selectedIndex = selected === null ? -1 : rows.findIndex((row) => row.conversation_id === selected);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection may move the list, new rows must not
  useEffect(() => {
    if (selectedIndex >= 0) virtual.scrollToIndex(selectedIndex, { align: 'auto' });
  }, [selected]);

  const end = truncated ? text.list.truncated : rows.length > 20 && text.list.end;
  return (
    <div className={classes.frame} style={gridOf(columns, picked !== undefined)}>
      {unseen > 0 && (
        <button
          type="button"
          className={`${pill.unseen} ${classes.unseen}`}
          onClick={() => {
            scroller.current?.scrollTo({ top: 0 });
            setUnseen(0);
          }}
        >
          ↑ {text.list.newRows(unseen)}
        </button>
      )}
      <div
        ref={scroller}
        className={classes.scroller}
        onScroll={(event) => {
          place.top = event.currentTarget.scrollTop;
          if (place.top < ROW_HEIGHT) setUnseen(0);
        }}
      >
        <div role="table" aria-label={text.list.title} aria-rowcount={hasMore ? -1 : rows.length + 1}>
          <div role="rowgroup" className={classes.head}>
            <div role="row" aria-rowindex={1} className={classes.headRow}>
              {picked && (
                <div role="columnheader" className={classes.pick}>
                  <span className={classes.pickHead}>{text.list.chosen}</span>
                </div>
              )}
              {columns.map(({ name, look }) => (
                <div key={name} role="columnheader" className={classes[look]}>
                  {text.list.columns[name]}
                </div>
              ))}
            </div>
          </div>
          <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index];
              if (!row) return null;
              return (
                <div
                  key={item.key}
                  role="presentation"
                  className={classes.slot}
                  style={{ height: item.size, transform: `translateY(${item.start}px)` }}
                >
                  <ConversationRow
                    row={row}
                    index={item.index}
                    selected={row.conversation_id === selected}
                    arrived={arrived.has(row.conversation_id)}
                    onSelect={onSelect}
                    columns={columns}
                    picked={picked?.has(row.conversation_id)}
                    onPick={onPick}
                  />
                </div>
              );
            })}
          </div>
        </div>
        <p className={classes.foot}>{loadingMore ? text.list.more : !hasMore && end}</p>
      </div>
    </div>
  );
}

/** When rows come in above the first visible one, moves the list by as much, so that the reader's rows stay put. */
function useKeepPlace(
  rows: Row[],
  scroller: React.RefObject<HTMLDivElement | null>,
  place: { top: number },
  onHidden: (count: number) => void,
): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const old = before.current;
    before.current = rows;
    const element = scroller.current;
    if (!element || old === rows || place.top < ROW_HEIGHT) return;
    const anchorIndex = Math.floor(place.top / ROW_HEIGHT);
    const anchor = old[anchorIndex]?.conversation_id;
    const now = anchor === undefined ? -1 : rows.findIndex((row) => row.conversation_id === anchor);
    if (now < 0 || now === anchorIndex) return;
    element.scrollTop += (now - anchorIndex) * ROW_HEIGHT;
    place.top = element.scrollTop;
    const known = new Set(old.map((row) => row.conversation_id));
    const hidden = rows.slice(0, now).filter((row) => !known.has(row.conversation_id)).length;
    if (hidden > 0) onHidden(hidden);
  });
}
