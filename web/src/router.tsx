// The addresses of the pages and what their search parameters mean.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Crash, NotFound } from './components/error-state';
import { RootLayout } from './components/root-layout';
import { ConversationPage } from './pages/conversation';
import { ConversationsPage } from './pages/conversations';
import { TracePage } from './pages/trace';

/** The filters of the list. */
export interface ListSearch {
  q?: string;
  channel?: string;
  user?: string;
  model?: string;
  status?: 'error';
  since?: string;
  /** A stretch of time chosen on a chart (RFC 3339). */
  after?: string;
  before?: string;
}

/** The selected step. */
export interface StepSearch {
  trace?: string;
  step?: string;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const rootRoute = createRootRoute({ component: RootLayout, notFoundComponent: NotFound, errorComponent: Crash });

export const conversationsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  component: ConversationsPage,
  validateSearch: (search): ListSearch => ({
    q: word(search.q),
    channel: word(search.channel),
    user: word(search.user),
    model: word(search.model),
    status: search.status === 'error' ? 'error' : undefined,
    since: word(search.since),
    after: word(search.after),
    before: word(search.before),
  }),
});

const stepSearch = (search: Record<string, unknown>): StepSearch => ({
  trace: word(search.trace),
  step: word(search.step),
});

export const conversationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/conversations/$id',
  component: ConversationPage,
  validateSearch: stepSearch,
});

/** What of a trace is shown: a step beside it, some of its steps, a stretch of its time as shares from 0 to 1. */
export interface TraceSearch {
  step?: string;
  q?: string;
  kind?: string;
  errors?: '1';
  from?: string;
  to?: string;
}

export const traceRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/traces/$traceId',
  component: TracePage,
  validateSearch: (search): TraceSearch => ({
    step: word(search.step),
    q: word(search.q),
    kind: word(search.kind),
    errors: search.errors === '1' ? '1' : undefined,
    from: word(search.from),
    to: word(search.to),
  }),
});

/** The period of the charts, and whose figures they are. */
export interface AnalyticsSearch {
  since?: string;
  channel?: string;
  user?: string;
  model?: string;
}

export const analyticsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/analytics',
  component: lazyRouteComponent(() => import('./pages/analytics'), 'AnalyticsPage'),
  validateSearch: (search): AnalyticsSearch => ({
    since: word(search.since),
    channel: word(search.channel),
    user: word(search.user),
    model: word(search.model),
  }),
});

export const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings'), 'SettingsPage'),
  validateSearch: (search): { tab?: string } => ({ tab: word(search.tab) }),
});

export const connectRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connect',
  component: lazyRouteComponent(() => import('./pages/connect'), 'ConnectPage'),
});

const routeTree = rootRoute.addChildren([
  conversationsRoute,
  conversationRoute,
  traceRoute,
  analyticsRoute,
  settingsRoute,
  connectRoute,
]);

export function createAppRouter() {
  return createRouter({
    routeTree,
    // Plain text both ways: an id like "123" or "true" must stay what it is.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
      const params = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
      return params.size > 0 ? `?${params}` : '';
    },
    defaultPreload: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
