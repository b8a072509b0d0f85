// The live stream: one connection per page, what it says is collected and handed out at most a few times a second.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { LIVE_URL } from '../api/client';
import type { Change } from '../api/types';
import { throttle } from '../lib/throttle';

/** What has changed since the last call. */
export interface Changes {
  conversations: ReadonlySet<string>;
  traces: ReadonlySet<string>;
  /** Something may have been missed: everything on screen is to be fetched again. */
  all: boolean;
}

type Listener = (changes: Changes) => void;
type LiveState = 'connecting' | 'open' | 'lost';

interface Live {
  state: LiveState;
  subscribe(listener: Listener): () => void;
}

const INTERVAL_MS = 200;
/** A hidden tab gives its connection back: browsers allow six per server, and others need them. */
const HIDDEN_MS = 30_000;

const LiveContext = createContext<Live>({ state: 'connecting', subscribe: () => () => {} });

export function LiveProvider({ children }: { children: ReactNode }) {
  const listeners = useRef(new Set<Listener>());
  const [state, setState] = useState<LiveState>('connecting');

  useEffect(() => connect(listeners.current, setState), []);

  const live = useMemo<Live>(
    () => ({
      state,
      subscribe: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}

function connect(listeners: Set<Listener>, setState: (state: LiveState) => void): () => void {
  let pending = { conversations: new Set<string>(), traces: new Set<string>(), all: false };
  let source: EventSource | null = null;
  let openedBefore = false;
  let hideTimer: ReturnType<typeof setTimeout> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  const flush = throttle(() => {
    const changes = pending;
    pending = { conversations: new Set(), traces: new Set(), all: false };
    for (const listener of listeners) listener(changes);
  }, INTERVAL_MS);
  const missed = () => {
    pending.all = true;
    flush();
  };
  const open = () => {
    source?.close();
    source = new EventSource(LIVE_URL);
    source.addEventListener('open', () => {
      setState('open');
      if (openedBefore) missed();
      openedBefore = true;
    });
    source.addEventListener('error', () => {
      setState('lost');
      // The browser retries a broken stream by itself, but gives up for good when the answer is an error status.
      if (source?.readyState === EventSource.CLOSED) retryTimer = setTimeout(open, 3000);
    });
    source.addEventListener('change', (event) => {
      const change = JSON.parse(event.data) as Partial<Change>;
      for (const id of change.conversation_ids ?? []) pending.conversations.add(id);
      for (const id of change.trace_ids ?? []) pending.traces.add(id);
      flush();
    });
    source.addEventListener('lagged', missed);
  };
  const onVisibility = () => {
    clearTimeout(hideTimer);
    if (!document.hidden) {
      if (!source) open();
      return;
    }
    hideTimer = setTimeout(() => {
      source?.close();
      source = null;
    }, HIDDEN_MS);
  };

  open();
  document.addEventListener('visibilitychange', onVisibility);
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    clearTimeout(hideTimer);
    clearTimeout(retryTimer);
    flush.cancel();
    source?.close();
  };
}

/** Whether the stream is up. */
export function useLiveState(): LiveState {
  return useContext(LiveContext).state;
}

/** Calls the listener with what has changed. */
export function useChanges(listener: Listener): void {
  const { subscribe } = useContext(LiveContext);
  const current = useRef(listener);
  useEffect(() => {
    current.current = listener;
  });
  useEffect(() => subscribe((changes) => current.current(changes)), [subscribe]);
}
