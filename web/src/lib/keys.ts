// Single-key shortcuts for a page. Typing in a field and chords with Ctrl, Alt or Cmd never trigger them.
import { useEffect, useLayoutEffect, useRef } from 'react';

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** An open dialog or drop-down takes the keys for itself. */
function isCovered(): boolean {
  const layers = document.querySelectorAll('[role="dialog"][aria-modal="true"], [role="listbox"], [role="menu"]');
  // Closed drop-downs may stay in the document, without a box.
  return [...layers].some((layer) => layer.getClientRects().length > 0);
}

/** Calls the handler of the pressed key, named as in `KeyboardEvent.key`. */
export function useKeys(keys: KeyMap): void {
  const current = useRef(keys);
  // Before the browser does anything else: the next key may come at once.
  useLayoutEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || isCovered()) return;
      const handler = current.current[event.key];
      if (!handler) return;
      handler(event);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

/** How long the second key of a sequence is waited for. */
const SEQUENCE_MS = 1200;

/** Calls the handler of a key that follows the prefix; that key then does nothing else. */
export function useSequence(prefix: string, keys: KeyMap): void {
  const current = useRef(keys);
  // Before the browser does anything else: the next key may come at once.
  useLayoutEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let begun = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isCovered()) return;
      const follows = event.timeStamp - begun < SEQUENCE_MS;
      begun = event.key === prefix && !follows ? event.timeStamp : Number.NEGATIVE_INFINITY;
      const handler = follows ? current.current[event.key] : undefined;
      if (!handler) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      handler(event);
    };
    // Before the handlers of single keys.
    window.addEventListener('keydown', onKey, { capture: true });
    return () => window.removeEventListener('keydown', onKey, { capture: true });
  }, [prefix]);
}

/** Calls the handler of Ctrl or Cmd with the key, wherever the cursor is. */
export function useChord(key: string, handler: () => void): void {
  const current = useRef(handler);
  useEffect(() => {
    current.current = handler;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== key || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey)
        return;
      event.preventDefault();
      current.current();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [key]);
}
