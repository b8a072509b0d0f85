// Saved views: those of the project, which all of its people have, and those of who may not change what all see, in this browser.
import { useEffect, useRef } from 'react';
import { api } from '../api/client';
import type { SavedView } from '../api/types';
import { newId } from '../lib/new-id';
import { text } from '../lib/text';
import { ownLeft, takenOver, withView, withViewAgain } from '../model/views';
import { type KeptList, useChangeKept, useKept } from './kept';
import { useOwnViews } from './preferences';
import { useMayEdit } from './queries';
import { offerUndo } from './undo';

const VIEWS: KeptList<SavedView> = { name: 'views', read: api.views, write: api.setViews, atOnce: true };

export interface ListedView extends SavedView {
  /** Whether only this browser has it. */
  own: boolean;
}

export function useViews() {
  const { data, error } = useKept(VIEWS);
  const change = useChangeKept(VIEWS);
  const [own, setOwn] = useOwnViews();
  const mayEdit = useMayEdit();
  const shared = data?.items ?? [];
  const views: ListedView[] = [
    ...shared.map((view) => ({ ...view, own: false })),
    ...ownLeft(shared, own).map((view) => ({ ...view, id: `own ${view.name}`, own: true })),
  ];

  /** Keeps a list under a name, in place of another one that has it. */
  const save = (name: string, search: Record<string, string>) => {
    const view = { id: newId(), name, search };
    if (mayEdit) change.mutate((items) => withView(items, view));
    else setOwn([...own.filter((each) => each.name !== name), { name, search }]);
  };

  const forget = async ({ own: isOwn, ...view }: ListedView) => {
    const offer = (undo: () => Promise<void>) => offerUndo({ message: text.views.removed(view.name), undo });
    if (isOwn) {
      setOwn(own.filter((each) => each.name !== view.name));
      offer(async () => setOwn(own));
      return;
    }
    const at = shared.findIndex(({ id }) => id === view.id);
    try {
      await change.mutateAsync((items) => items.filter(({ id }) => id !== view.id));
    } catch {
      // The problem is told beside the views.
      return;
    }
    offer(async () => {
      await change.mutateAsync((items) => withViewAgain(items, view, at));
    });
  };
  return { views, ready: data !== undefined, error: change.error ?? (data ? null : error), mayEdit, save, forget };
}

/** Gives the project the views that this browser kept when there was no other place for them, once. */
export function useTakeOverViews(): void {
  const [own, setOwn] = useOwnViews();
  const mayEdit = useMayEdit();
  const { mutate } = useChangeKept(VIEWS);
  const begun = useRef(false);
  useEffect(() => {
    if (!mayEdit || own.length === 0 || begun.current) return;
    begun.current = true;
    // Where it fails they stay, and the next visit tries again.
    mutate((items) => takenOver(items, own, newId), { onSuccess: () => setOwn([]) });
  }, [mayEdit, own, mutate, setOwn]);
}
