// The virtual list of a conversation or trace: bubbles and steps of different heights, drawn only where they are seen.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import type { SpanRow, User } from '../api/types';
import { text } from '../lib/text';
import type { Group, Item, StepRef } from '../model/outline';
import { type Extent, extentOf } from '../model/waterfall';
import { useNow } from '../state/clock';
import pill from './pill.module.css';
import { StepRow } from './step-row';
import classes from './transcript-view.module.css';
import { Answer, Ask, StepsBar } from './turn-view';

/** So many items before the end of what is here more is asked for. */
const NEAR = 30;
const HEIGHTS = { ask: 96, bar: 36, step: 32, answer: 84 };

interface Props {
  label: string;
  groups: Group[];
  items: Item[];
  user: User | null;
  selected: StepRef | null;
  /** The stretch of time that the bars show, where the reader has zoomed in. */
  zoom?: Extent | null;
  /** Self times by step, and the steps on the critical path, where the page shows them. */
  work?: { self: ReadonlyMap<string, number>; critical: ReadonlySet<string> };
  onSelect: (span: SpanRow) => void;
  onToggleStep: (group: Group, nodeId: string) => void;
  onToggleTurn: (group: Group) => void;
  /** Whether all there is is here. */
  complete?: boolean;
  /** The reader comes near the end of what is here. */
  onMore?: () => void;
  /** Whether the reader wants to be at the end once all is here. */
  toEnd?: boolean;
}

export function TranscriptView(props: Props) {
  const { label, groups, items, user, selected, zoom, work, onSelect, onToggleStep, onToggleTurn } = props;
  const { complete = true, onMore, toEnd: wantsEnd = false } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const running = groups.some((group) => group.spans.some((span) => span.running));
  const now = useNow(running ? 1000 : null);
  const extents = useMemo(() => {
    const found = new Map<string, Extent | null>();
    for (const group of groups) found.set(group.key, extentOf(group.spans, now));
    return found;
  }, [groups, now]);

  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => HEIGHTS[items[index]?.type ?? 'step'],
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 10,
    paddingStart: 8,
    paddingEnd: 40,
  });

  const isSelected = (item: Item) =>
    item.type === 'step' && item.row.node.id === selected?.stepId && item.group.traceId === selected.traceId;
  const selectedKey = items.find(isSelected)?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection may move the list, live changes must not
  useEffect(() => {
    const index = items.findIndex((item) => item.key === selectedKey);
    if (index < 0) return;
    virtual.scrollToIndex(index, { align: 'auto' });
    return focusStep(scroller.current, selected?.stepId);
  }, [selectedKey]);

  const lastShown = virtual.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if (!complete && lastShown >= items.length - NEAR) onMore?.();
  }, [complete, lastShown, items.length, onMore]);

  const toEnd = () => virtual.scrollToIndex(items.length - 1, { align: 'end' });
  // Where the end is turns out as what is near it is drawn, so it is sought until the reader goes elsewhere.
  const seeksEnd = useRef(false);
  useEffect(() => {
    seeksEnd.current = wantsEnd && complete;
  }, [wantsEnd, complete]);
  const height = virtual.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: when all is here, and again when the end is elsewhere
  useEffect(() => {
    if (seeksEnd.current) toEnd();
  }, [wantsEnd, complete, height]);
  const leaveEnd = () => {
    seeksEnd.current = false;
  };
  const [unseen, setUnseen] = useNewTurn(groups, complete, scroller, toEnd);

  return (
    <div
      ref={scroller}
      className={classes.scroller}
      tabIndex={0}
      role="group"
      aria-label={label}
      onScroll={(event) => unseen && isAtEnd(event.currentTarget) && setUnseen(false)}
      onWheel={leaveEnd}
      onPointerDown={leaveEnd}
      onKeyDown={leaveEnd}
    >
      <div role="list" className={classes.list} style={{ height }}>
        {virtual.getVirtualItems().map((slot) => {
          const item = items[slot.index];
          if (!item) return null;
          return (
            <div
              key={slot.key}
              role="listitem"
              data-index={slot.index}
              ref={virtual.measureElement}
              className={classes.slot}
              style={{ transform: `translateY(${slot.start}px)` }}
            >
              <div className={classes.item} data-type={item.type}>
                {item.type === 'ask' && <Ask turn={item.turn} index={item.group.index} user={user} />}
                {item.type === 'bar' && (
                  <StepsBar
                    group={item.group}
                    turn={item.turn}
                    open={item.open}
                    onToggle={() => onToggleTurn(item.group)}
                  />
                )}
                {item.type === 'step' && (
                  <StepRow
                    row={item.row}
                    extent={zoom ?? extents.get(item.group.key) ?? null}
                    selected={isSelected(item)}
                    self={work?.self.get(item.row.node.id)}
                    critical={work?.critical.has(item.row.node.id)}
                    onSelect={onSelect}
                    onToggle={(nodeId) => onToggleStep(item.group, nodeId)}
                  />
                )}
                {item.type === 'answer' && <Answer turn={item.turn} />}
              </div>
            </div>
          );
        })}
      </div>
      {unseen && (
        <button type="button" className={`${pill.unseen} ${classes.unseen}`} onClick={toEnd}>
          {text.conversation.toEnd}
        </button>
      )}
    </div>
  );
}

/** Moves the focus along with the selection, unless the reader is elsewhere on the page. */
function focusStep(list: HTMLElement | null, stepId: string | undefined): (() => void) | undefined {
  const { activeElement } = document;
  if (!list || stepId === undefined) return undefined;
  if (activeElement && activeElement !== document.body && !list.contains(activeElement)) return undefined;
  // The row may have to be scrolled in first.
  const frame = requestAnimationFrame(() => {
    list.querySelector<HTMLElement>(`[data-step="${CSS.escape(stepId)}"]`)?.focus({ preventScroll: true });
  });
  return () => cancelAnimationFrame(frame);
}

function isAtEnd(element: HTMLElement): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 120;
}

/** Follows a growing conversation when the reader is at its end; otherwise says that there is more and stays. */
function useNewTurn(groups: Group[], complete: boolean, scroller: RefObject<HTMLDivElement | null>, toEnd: () => void) {
  const [unseen, setUnseen] = useState(false);
  const count = useRef(groups.length);
  const wasComplete = useRef(complete);
  const wasAtEnd = useRef(false);
  useEffect(() => {
    // Turns of a further page are not new.
    const grown = groups.length > count.current && wasComplete.current;
    count.current = groups.length;
    wasComplete.current = complete;
    if (!grown) return;
    if (wasAtEnd.current) toEnd();
    else setUnseen(true);
  });
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const remember = () => {
      wasAtEnd.current = isAtEnd(element);
    };
    remember();
    element.addEventListener('scroll', remember, { passive: true });
    return () => element.removeEventListener('scroll', remember);
  }, [scroller]);
  return [unseen, setUnseen] as const;
}
