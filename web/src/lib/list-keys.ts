// The keys that move about in a list of conversations and open one.
import type { KeyMap } from './keys';

interface List {
  /** The conversations, in the order of the page. */
  ids: readonly string[];
  selected: string | null;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

/** `j` and `k` to the next and the one before, `Enter` to open. */
export function listKeys({ ids, selected, onSelect, onOpen }: List): Pick<KeyMap, 'j' | 'k' | 'Enter'> {
  const move = (by: 1 | -1) => (event: KeyboardEvent) => {
    const at = selected === null ? -1 : ids.indexOf(selected);
    const next = ids[at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next);
    // The row may have to be scrolled in first.
    requestAnimationFrame(() => {
      document.querySelector<HTMLElement>(`[data-conversation="${CSS.escape(next)}"]`)?.focus();
    });
  };
  return {
    j: move(1),
    k: move(-1),
    Enter: (event) => {
      // A focused link or button opens by itself.
      if (event.target instanceof HTMLElement && event.target.closest('a, button')) return;
      if (selected !== null) onOpen(selected);
    },
  };
}
