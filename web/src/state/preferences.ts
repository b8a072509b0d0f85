// What the reader likes, kept in this browser only.
import { useLocalStorage } from '@mantine/hooks';
import type { OwnView } from '../model/views';

export type TextView = 'markdown' | 'plain';

const PREFIX = 'neuraltrust.';

/** Whether texts are shown formatted or as they came. */
export function useTextView() {
  return useLocalStorage<TextView>({
    key: `${PREFIX}text-view`,
    defaultValue: 'markdown',
    getInitialValueInEffect: false,
  });
}

/** Width of the panel beside a transcript, in pixels. */
export function usePanelWidth() {
  return useLocalStorage<number>({ key: `${PREFIX}panel-width`, defaultValue: 480, getInitialValueInEffect: false });
}

/** Whether the details of a conversation are shown while no step is selected. */
export function useDetailsShown() {
  return useLocalStorage<boolean>({ key: `${PREFIX}details`, defaultValue: true, getInitialValueInEffect: false });
}

/** Sections of the panel that the reader has closed. */
export function useClosedSections() {
  return useLocalStorage<string[]>({
    key: `${PREFIX}closed-sections`,
    defaultValue: [],
    getInitialValueInEffect: false,
  });
}

/** The columns of the list, in the order of the page. */
export function useColumns() {
  return useLocalStorage<string[]>({
    key: `${PREFIX}columns`,
    defaultValue: ['user', 'words', 'channel', 'turns', 'signals', 'model', 'time'],
    getInitialValueInEffect: false,
  });
}

/** Whether the values beside the list are shown. */
export function useFacetsShown() {
  return useLocalStorage<boolean>({ key: `${PREFIX}facets`, defaultValue: true, getInitialValueInEffect: false });
}

/** Lists that a reader has given a name who may not change what all of the project see. */
export function useOwnViews() {
  return useLocalStorage<OwnView[]>({ key: `${PREFIX}views`, defaultValue: [], getInitialValueInEffect: false });
}

const RECENT = 8;

/** What was searched for, the latest first. */
export function useRecentSearches() {
  const [recent, setRecent] = useLocalStorage<string[]>({
    key: `${PREFIX}recent`,
    defaultValue: [],
    getInitialValueInEffect: false,
  });
  const remember = (query: string) => {
    if (query) {
      // What was only begun on the way to this query is not worth a line.
      setRecent((before) => [query, ...before.filter((each) => !query.startsWith(each))].slice(0, RECENT));
    }
  };
  return { recent, remember };
}

export const COLOR_SCHEME_KEY = `${PREFIX}color-scheme`;
