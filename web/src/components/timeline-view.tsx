// All steps of a conversation by the time they began, on one line of time without the rests in it.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import type { SpanRow } from '../api/types';
import { text } from '../lib/text';
import { busyTime, placedSteps } from '../model/busy-time';
import { formatDuration } from '../model/format';
import type { StepRef } from '../model/outline';
import { useNow } from '../state/clock';
import { KindIcon } from './kind-icon';
import classes from './timeline-view.module.css';

const ROW_HEIGHT = 28;

interface Props {
  spans: readonly SpanRow[];
  selected: StepRef | null;
  onSelect: (step: StepRef) => void;
}

export function TimelineView({ spans, selected, onSelect }: Props) {
  const scroller = useRef<HTMLElement>(null);
  const now = useNow(spans.some((span) => span.running) ? 1000 : null);
  const steps = useMemo(() => placedSteps(spans, now), [spans, now]);
  const time = useMemo(() => busyTime(steps), [steps]);
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  return (
    <section ref={scroller} className={classes.scroll} aria-label={text.conversation.views.timeline} tabIndex={0}>
      <p className={classes.note}>{text.conversation.busy(formatDuration(time.length), time.rests.length)}</p>
      <div className={classes.list} style={{ height: virtual.getTotalSize() }}>
        <div className={classes.rests} aria-hidden>
          {time.rests.map((at) => (
            <span key={at} className={classes.rest} style={{ left: `${at * 100}%` }} />
          ))}
        </div>
        {virtual.getVirtualItems().map((item) => {
          const step = steps[item.index];
          if (!step) return null;
          const { span, start, end } = step;
          const left = time.at(start) * 100;
          return (
            <button
              key={item.key}
              type="button"
              className={classes.row}
              style={{ transform: `translateY(${item.start}px)` }}
              data-kind={span.kind}
              data-timed={span.span_id}
              data-error={span.status === 'error' || undefined}
              data-selected={(selected?.stepId === span.span_id && selected.traceId === span.trace_id) || undefined}
              onClick={() => onSelect({ traceId: span.trace_id, stepId: span.span_id })}
            >
              <span className={classes.name}>
                <KindIcon kind={span.kind} size={18} />
                <span className={classes.words} title={span.name}>
                  {span.name}
                </span>
                <span className={classes.time}>{formatDuration(end - start)}</span>
              </span>
              <span className={classes.track}>
                <span className={classes.bar} style={{ left: `${left}%`, width: `${time.at(end) * 100 - left}%` }} />
              </span>
            </button>
          );
        })}
      </div>
    </section>
  );
}
