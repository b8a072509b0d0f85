// Two panes side by side. The width of the right one is the reader's choice; on a narrow screen it lies on top.
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef } from 'react';
import { text } from '../lib/text';
import { usePanelWidth } from '../state/preferences';
import classes from './split.module.css';

const MIN = 340;
const MAX = 980;
const KEY_STEP = 32;

function clamp(width: number): number {
  return Math.round(Math.min(MAX, Math.max(MIN, width)));
}

interface Props {
  children: ReactNode;
  side: ReactNode | null;
  /** Whether the side is worth covering a narrow screen for. */
  sideOnTop: boolean;
}

export function Split({ children, side, sideOnTop }: Props) {
  const [width, setWidth] = usePanelWidth();
  const frame = useRef<HTMLDivElement>(null);

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId) || !frame.current) return;
    setWidth(clamp(frame.current.getBoundingClientRect().right - event.clientX));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowLeft' ? KEY_STEP : event.key === 'ArrowRight' ? -KEY_STEP : 0;
    if (by === 0) return;
    event.preventDefault();
    setWidth(clamp(width + by));
  };

  return (
    <div ref={frame} className={classes.split} style={{ '--side': `${width}px` } as React.CSSProperties}>
      <div className={classes.main}>{children}</div>
      {side && (
        <>
          <div
            className={classes.handle}
            role="separator"
            aria-orientation="vertical"
            aria-label={text.step.resize}
            aria-valuenow={width}
            aria-valuemin={MIN}
            aria-valuemax={MAX}
            tabIndex={0}
            onPointerDown={onPointerDown}
            onPointerMove={onPointerMove}
            onKeyDown={onKeyDown}
          />
          <aside className={classes.side} data-on-top={sideOnTop || undefined}>
            {side}
          </aside>
        </>
      )}
    </div>
  );
}
