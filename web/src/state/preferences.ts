// What the reader likes, kept in this browser only.
import { useLocalStorage } from '@mantine/hooks';

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

export const COLOR_SCHEME_KEY = `${PREFIX}color-scheme`;
