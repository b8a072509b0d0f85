// What the reader holds to compare something else with; it stays while they look for the other one.
import { useSyncExternalStore } from 'react';
import type { Thing } from '../model/compare';

export interface Held {
  thing: Thing;
  title: string;
}

const KEY = 'neuraltrust.comparing';
const listeners = new Set<() => void>();
let held: Held | null = read();

function read(): Held | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Held | null;
  } catch {
    return null;
  }
}

export function hold(next: Held | null): void {
  held = next;
  try {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage it is held until the page is loaded again.
  }
  for (const listener of listeners) listener();
}

export function useHeld(): Held | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => held,
  );
}
