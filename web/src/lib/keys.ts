// Single-key shortcuts for a page. Typing in a field and chords with Ctrl, Alt or Cmd never trigger them.
import { useEffect, useRef } from 'react';

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
  useEffect(() => {
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
