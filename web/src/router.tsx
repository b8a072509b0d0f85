// The addresses of the pages and what their search parameters mean.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Crash, NotFound } from './components/error-state';
import { RootLayout } from './components/root-layout';
import type { CompareSearch } from './model/compare';
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
  /** By what it is ordered, where not by time. */
  sort?: string;
  /** The columns of a view or link, by their names with commas between; else the reader's own are shown. */
  columns?: string;
}

/** The selected step. */
export interface StepSearch {
  trace?: string;
  step?: string;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function flag(value: unknown): '1' | undefined {
  return value === '1' ? value : undefined;
}

const rootRoute = createRootRoute({ component: RootLayout, notFoundComponent: NotFound, errorComponent: Crash });

const listSearch = (search: Record<string, unknown>): ListSearch => ({
  q: word(search.q),
  channel: word(search.channel),
  user: word(search.user),
  model: word(search.model),
  status: search.status === 'error' ? 'error' : undefined,
  since: word(search.since),
  after: word(search.after),
  before: word(search.before),
  sort: word(search.sort),
  columns: word(search.columns),
});

export const conversationsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  component: ConversationsPage,
  validateSearch: listSearch,
});

const stepSearch = (search: Record<string, unknown>): StepSearch => ({
  trace: word(search.trace),
  step: word(search.step),
});

/** How a conversation is shown. */
export const VIEWS = ['transcript', 'tree', 'timeline', 'graph', 'raw'] as const;
export type View = (typeof VIEWS)[number];

/** How it is shown, the selected step, and whether its totals are explained. */
export interface ConversationSearch extends StepSearch {
  view?: View;
  why?: '1';
}

export const conversationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/conversations/$id',
  component: ConversationPage,
  validateSearch: (search): ConversationSearch => ({
    ...stepSearch(search),
    view: VIEWS.find((view) => view === search.view),
    why: flag(search.why),
  }),
});

/**
 * What of a trace is shown: a step or why its totals are what they are beside it, some of its steps, a stretch of its time as
 * shares from 0 to 1.
 */
export interface TraceSearch {
  step?: string;
  q?: string;
  kind?: string;
  errors?: '1';
  from?: string;
  to?: string;
  why?: '1';
}

export const traceRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/traces/$traceId',
  component: TracePage,
  validateSearch: (search): TraceSearch => ({
    step: word(search.step),
    q: word(search.q),
    kind: word(search.kind),
    errors: flag(search.errors),
    from: word(search.from),
    to: word(search.to),
    why: flag(search.why),
  }),
});

/** The period of the charts, and whose figures they are. */
export interface AnalyticsSearch {
  since?: string;
  /** Whether the time before is not drawn. */
  earlier?: 'off';
  /** The dashboard that is shown. */
  board?: string;
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
    earlier: search.earlier === 'off' ? 'off' : undefined,
    board: word(search.board),
    channel: word(search.channel),
    user: word(search.user),
    model: word(search.model),
  }),
});

/** What is searched for, in everything that was said. */
export const searchRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/search',
  component: lazyRouteComponent(() => import('./pages/search'), 'SearchPage'),
  validateSearch: (search): { q?: string; sort?: string } => ({ q: word(search.q), sort: word(search.sort) }),
});

/** Of the users, sessions or channels, or of one of them: the period, what is in the id, and the order. */
export interface EntitySearch {
  since?: string;
  q?: string;
  by?: string;
}

const entitySearch = (search: Record<string, unknown>): EntitySearch => ({
  since: word(search.since),
  q: word(search.q),
  by: word(search.by),
});

const entityPage = lazyRouteComponent(() => import('./pages/entity'), 'EntityPage');
const entitiesPage = lazyRouteComponent(() => import('./pages/entities'), 'EntitiesPage');

/** What conversations can be looked at by, with a page of all and a page of each. */
export const ENTITIES = ['users', 'sessions', 'channels'] as const;
export type Entity = (typeof ENTITIES)[number];

/** Whose page it is, by the first part of the address. */
export function entityOf(pathname: string): Entity {
  return ENTITIES.find((entity) => pathname.startsWith(`/${entity}`)) ?? 'users';
}

const all = { getParentRoute: () => rootRoute, component: entitiesPage, validateSearch: entitySearch };
const one = { getParentRoute: () => rootRoute, component: entityPage, validateSearch: entitySearch };
const entityRoutes = [
  createRoute({ ...all, path: '/users' }),
  createRoute({ ...all, path: '/sessions' }),
  createRoute({ ...all, path: '/channels' }),
  createRoute({ ...one, path: '/users/$id' }),
  createRoute({ ...one, path: '/sessions/$id' }),
  createRoute({ ...one, path: '/channels/$id' }),
] as const;

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
  validateSearch: (search): { client?: string } => ({ client: word(search.client) }),
});

/** How the conversations of a list flow: one graph of all of their steps. */
export const flowRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/flow',
  component: lazyRouteComponent(() => import('./pages/flow'), 'FlowPage'),
  validateSearch: listSearch,
});

/** Two things beside each other. */
export const compareRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/compare',
  component: lazyRouteComponent(() => import('./pages/compare'), 'ComparePage'),
  validateSearch: (search): CompareSearch => ({
    left_conversation_id: word(search.left_conversation_id),
    right_conversation_id: word(search.right_conversation_id),
    left_trace_id: word(search.left_trace_id),
    right_trace_id: word(search.right_trace_id),
    left_span_id: word(search.left_span_id),
    right_span_id: word(search.right_span_id),
  }),
});

const routeTree = rootRoute.addChildren([
  conversationsRoute,
  conversationRoute,
  traceRoute,
  analyticsRoute,
  settingsRoute,
  connectRoute,
  compareRoute,
  flowRoute,
  searchRoute,
  ...entityRoutes,
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
