// The colour scheme on screen, for what is drawn on a canvas and cannot follow style sheets by itself.
import { useSyncExternalStore } from 'react';

const ATTRIBUTE = 'data-mantine-color-scheme';

function subscribe(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: [ATTRIBUTE] });
  return () => observer.disconnect();
}

/** `light` or `dark`, as the document says once it has changed. */
export function useShownScheme(): string | null {
  return useSyncExternalStore(subscribe, () => document.documentElement.getAttribute(ATTRIBUTE));
}
