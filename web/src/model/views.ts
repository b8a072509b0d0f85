// Saved views: lists of conversations under a name, and the link that each of them is. Pure.
import type { SavedView } from '../api/types';

/** A view that only this browser has. */
export interface OwnView {
  name: string;
  /** The search of the list's address. */
  search: Record<string, string>;
  /** The project whose list it is; earlier versions did not say. */
  project?: string | undefined;
}

/** So many signs are within what the server takes for a name, whatever signs they are. */
const LONGEST = 48;

/** What is typed as the server takes it for a name; empty where there is nothing of one. */
export function viewName(typed: string): string {
  return [...typed.replace(/\p{Cc}+/gu, ' ').trim()].slice(0, LONGEST).join('').trim();
}

/** What of the list's address makes a view, with the columns that it shows. */
export function viewSearch(search: object, columns: string): Record<string, string> {
  const given = Object.entries(search).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
  );
  return { ...Object.fromEntries(given), columns };
}

/** The columns that an address asks for; nothing where it leaves them to the reader. */
export function columnsIn(columns: string | undefined): string[] | undefined {
  const names = columns?.split(',').filter(Boolean) ?? [];
  return names.length > 0 ? names : undefined;
}

export function viewLink(origin: string, search: Record<string, string>): string {
  const params = new URLSearchParams(search);
  return `${origin}/${params.size > 0 ? `?${params}` : ''}`;
}

function sameSearch(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** The list with the view in the place of the one of its name; else one more. */
export function withView(views: readonly SavedView[], view: SavedView): SavedView[] {
  const at = views.findIndex(({ name }) => name === view.name);
  return at < 0 ? [...views, view] : views.map((each, index) => (index === at ? { ...view, id: each.id } : each));
}

/** The list with a view that was taken out of it, where it stood. */
export function withViewAgain(views: readonly SavedView[], view: SavedView, at: number): SavedView[] {
  return views.some(({ id }) => id === view.id) ? [...views] : [...views.slice(0, at), view, ...views.slice(at)];
}

/** The views of this browser that the project has not. */
export function ownLeft(views: readonly SavedView[], own: readonly OwnView[]): OwnView[] {
  return own.filter(
    ({ name, search }) => !views.some((view) => view.name === viewName(name) && sameSearch(view.search, search)),
  );
}
