// The whole trace as a strip of time: every step a line in the colour of its kind, and a window that zooms the bars below.
import { type PointerEvent, useEffect, useRef, useState } from 'react';
import type { SpanRow } from '../api/types';
import { text } from '../lib/text';
import { formatDuration } from '../model/format';
import { barOf, type Extent } from '../model/waterfall';
import { useShownScheme } from '../state/scheme';
import button from './button.module.css';
import classes from './trace-overview.module.css';

const HEIGHT = 44;
/** A drag shorter than this share of the strip is a click. */
const LEAST = 0.005;

export interface Window {
  from: number;
  to: number;
}

interface Props {
  spans: readonly SpanRow[];
  extent: Extent;
  window: Window | null;
  onWindow: (window: Window | null) => void;
}

export function TraceOverview({ spans, extent, window: shown, onWindow }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [dragged, setDragged] = useState<Window | null>(null);
  const scheme = useShownScheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read anew when the scheme changes
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const redraw = () => draw(element, spans, extent);
    redraw();
    const resized = new ResizeObserver(redraw);
    resized.observe(element);
    return () => resized.disconnect();
  }, [spans, extent, scheme]);

  const shareAt = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const current = dragged ?? shown;
  const length = extent.end - extent.start;
  const { from, to } = current ?? { from: 0, to: 1 };
  return (
    <div className={classes.overview}>
      <div
        className={classes.strip}
        title={text.trace.overview}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = shareAt(event);
          setDragged({ from: at, to: at });
        }}
        onPointerMove={(event) => dragged && setDragged({ from: dragged.from, to: shareAt(event) })}
        onPointerUp={() => {
          if (!dragged) return;
          const ordered = { from: Math.min(dragged.from, dragged.to), to: Math.max(dragged.from, dragged.to) };
          setDragged(null);
          onWindow(ordered.to - ordered.from < LEAST ? null : ordered);
        }}
      >
        <canvas ref={canvas} className={classes.canvas} height={HEIGHT} aria-hidden />
        {current && (
          <span
            className={classes.window}
            style={{ left: `${Math.min(from, to) * 100}%`, width: `${Math.abs(to - from) * 100}%` }}
          />
        )}
      </div>
      <div className={classes.scale}>
        <span>{formatDuration(from * length)}</span>
        {shown && (
          <button type="button" className={button.words} onClick={() => onWindow(null)}>
            {text.trace.zoomOut}
          </button>
        )}
        <span>{formatDuration(to * length)}</span>
      </div>
    </div>
  );
}

/** One line for each step, top to bottom in order of start, as thin as it takes. */
function draw(element: HTMLCanvasElement, spans: readonly SpanRow[], extent: Extent): void {
  const context = element.getContext('2d');
  if (!context) return;
  const { clientWidth: width } = element;
  const scale = globalThis.devicePixelRatio || 1;
  element.width = Math.max(1, Math.round(width * scale));
  element.height = Math.round(HEIGHT * scale);
  context.scale(scale, scale);
  const style = getComputedStyle(element);
  const colours = { work: style.getPropertyValue('--nt-brand-line'), failed: style.getPropertyValue('--nt-red') };
  const row = Math.min(5, HEIGHT / Math.max(1, spans.length));
  // What failed is drawn last, so that nothing lies on top of it.
  for (const failed of [false, true]) {
    context.fillStyle = failed ? colours.failed : colours.work;
    context.globalAlpha = failed ? 1 : 0.6;
    spans.forEach((span, at) => {
      if ((span.status === 'error') !== failed) return;
      const bar = barOf(span, extent, extent.end);
      if (!bar) return;
      const top = Math.min(at * row, HEIGHT - 2);
      const height = Math.max(failed ? 2 : 1, row - 1);
      context.fillRect((bar.left / 100) * width, top, Math.max(1, (bar.width / 100) * width), height);
    });
  }
}
