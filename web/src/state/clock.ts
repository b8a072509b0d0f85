// The time, for ages and running bars: all components share one timer per interval.
import { useSyncExternalStore } from 'react';

interface Ticker {
  now: number;
  listeners: Set<() => void>;
  timer: ReturnType<typeof setInterval> | undefined;
}

const tickers = new Map<number, Ticker>();

function tickerOf(interval: number): Ticker {
  let ticker = tickers.get(interval);
  if (!ticker) {
    ticker = { now: Date.now(), listeners: new Set(), timer: undefined };
    tickers.set(interval, ticker);
  }
  return ticker;
}

function subscribe(interval: number, listener: () => void): () => void {
  const ticker = tickerOf(interval);
  ticker.listeners.add(listener);
  ticker.timer ??= setInterval(() => {
    ticker.now = Date.now();
    for (const each of ticker.listeners) each();
  }, interval);
  return () => {
    ticker.listeners.delete(listener);
    if (ticker.listeners.size > 0) return;
    clearInterval(ticker.timer);
    ticker.timer = undefined;
  };
}

const subscribers = new Map<number, (listener: () => void) => () => void>();

function subscriberOf(interval: number) {
  let subscriber = subscribers.get(interval);
  if (!subscriber) {
    subscriber = (listener) => subscribe(interval, listener);
    subscribers.set(interval, subscriber);
  }
  return subscriber;
}

/** Milliseconds since 1970, renewed every `interval` milliseconds; with `null` it stands still. */
export function useNow(interval: number | null): number {
  const period = interval ?? 2 ** 31 - 1;
  return useSyncExternalStore(subscriberOf(period), () => {
    const ticker = tickerOf(period);
    // Nobody may have been listening for a while; a first reader must not see an old time.
    if (ticker.timer === undefined) ticker.now = Math.max(ticker.now, Math.floor(Date.now() / 1000) * 1000);
    return ticker.now;
  });
}
