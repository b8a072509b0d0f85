// What was done last and can be taken back, for a short while.
import { useSyncExternalStore } from 'react';

export interface Undoable {
  message: string;
  undo: () => Promise<void>;
}

const LASTS_MS = 12_000;
const listeners = new Set<() => void>();
let offered: Undoable | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

export function offerUndo(next: Undoable | null): void {
  clearTimeout(timer);
  offered = next;
  if (next) timer = setTimeout(() => offerUndo(null), LASTS_MS);
  for (const listener of listeners) listener();
}

export function useUndoable(): Undoable | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => offered,
  );
}
