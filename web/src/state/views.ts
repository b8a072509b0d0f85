// Saved views: those of the project, which all of its people have, and those of who may not change what all see, in this browser.
import { api } from '../api/client';
import type { SavedView } from '../api/types';
import { newId } from '../lib/new-id';
import { text } from '../lib/text';
import { type OwnView, ownLeft, withView, withViewAgain } from '../model/views';
import { type KeptList, useChangeKept, useKept } from './kept';
import { useOwnViews } from './preferences';
import { useMayEdit, useSession } from './queries';
import { offerUndo } from './undo';

const VIEWS: KeptList<SavedView> = { name: 'views', read: api.views, write: api.setViews, atOnce: true };

export interface ListedView extends SavedView {
  /** Whether only this browser has it. */
  own: boolean;
}

export function useViews() {
  const { data, error } = useKept(VIEWS);
  const change = useChangeKept(VIEWS);
  const [kept, setKept] = useOwnViews();
  const project = useSession().data?.project;
  const mayEdit = useMayEdit();
  const shared = data?.items ?? [];
  // Those of another project stay in it: who is signed in here may be somebody else.
  const isHere = (view: OwnView) => view.project === undefined || view.project === project;
  const ownBut = (name: string) => kept.filter((each) => !isHere(each) || each.name !== name);
  const views: ListedView[] = [
    ...shared.map((view) => ({ ...view, own: false })),
    ...ownLeft(shared, kept.filter(isHere)).map((view) => ({ ...view, id: `own ${view.name}`, own: true })),
  ];

  /** Keeps a list under a name, in place of another one that has it. */
  const save = (name: string, search: Record<string, string>) => {
    const view = { id: newId(), name, search };
    if (mayEdit) change.mutate((items) => withView(items, view));
    else setKept([...ownBut(name), { name, search, project }]);
  };

  const forget = async ({ own: isOwn, ...view }: ListedView) => {
    const offer = (undo: () => Promise<void>) => offerUndo({ message: text.views.removed(view.name), undo });
    if (isOwn) {
      setKept(ownBut(view.name));
      offer(async () => setKept(kept));
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
