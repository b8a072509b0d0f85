// Choosing one of the options below a field with the arrow keys, while the cursor stays in the field.
import { type KeyboardEvent, useState } from 'react';

/** Which of `count` options is chosen; `first` is the one to begin with, -1 for none. */
export function useChoosing(count: number, first: 0 | -1) {
  const [at, setAt] = useState<number>(first);
  const chosen = Math.min(at, count - 1);
  /** Handles the arrow keys. */
  const onArrow = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || count === 0) return;
    event.preventDefault();
    setAt(chosen < 0 ? (by > 0 ? 0 : count - 1) : (chosen + by + count) % count);
  };
  return { chosen, setAt, onArrow, reset: () => setAt(first) };
}
