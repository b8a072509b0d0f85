// The only place that talks to the server: paths, JSON, and errors as one type.
import type {
  AggregateAnswer,
  AggregateBody,
  Comparison,
  Completions,
  ConversationRow,
  Dashboards,
  Disk,
  Erasure,
  ErasurePage,
  Facets,
  Invited,
  Key,
  KeyItem,
  Member,
  MemberItem,
  NewErasure,
  NewScore,
  Page,
  Patches,
  Price,
  Prices,
  ProjectItem,
  QuarantinePage,
  QueryMistake,
  Replay,
  Retention,
  SavedViews,
  Scored,
  Session,
  SourceList,
  SpanDetail,
  SpanRow,
  Status,
  TraceDetail,
  TraceExplained,
  Transcript,
} from './types';

const BASE = '/api/v1';

/** Where the server sends what has changed. */
export const LIVE_URL = `${BASE}/live`;

/** What went wrong, in the server's words; status 0 means that it could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string | null;
  /** What of a query could not be read. */
  readonly query: QueryMistake | null;

  constructor(status: number, title: string, detail: string | null = null, query: QueryMistake | null = null) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = 'ApiError';
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.query = query;
  }
}

type Query = Record<string, string | number | null | undefined>;

interface Request {
  method?: string;
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  accept?: string;
}

async function problem(response: Response): Promise<ApiError> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as { title?: unknown; detail?: unknown; query?: QueryMistake | null };
    const title = typeof body.title === 'string' && body.title ? body.title : fallback;
    const detail = typeof body.detail === 'string' ? body.detail : null;
    return new ApiError(response.status, title, detail, body.query ?? null);
  } catch {
    // A proxy in between may answer in HTML; its status still says enough.
    return new ApiError(response.status, fallback);
  }
}

async function answered(path: string, options: Request): Promise<Response> {
  const { method = 'GET', query, body, signal, accept = 'application/json' } = options;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const suffix = search.size > 0 ? `?${search}` : '';
  let response: Response;
  try {
    response = await fetch(`${BASE}${path}${suffix}`, {
      method,
      credentials: 'same-origin',
      headers: {
        accept,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server cannot be reached', error instanceof Error ? error.message : null);
  }
  if (!response.ok) throw await problem(response);
  return response;
}

async function request<T>(path: string, options: Request = {}): Promise<T> {
  const response = await answered(path, options);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

const id = encodeURIComponent;

export interface ConversationFilter {
  q?: string;
  user_id?: string;
  session_id?: string;
  channel_id?: string;
  status?: string;
  model?: string;
  after?: string;
  before?: string;
  sort?: string;
}

/** Of which list the values are asked for, how many, and over what. */
export interface FacetOptions {
  of?: 'conversations' | 'spans' | undefined;
  limit?: number;
  filter?: ConversationFilter;
}

export const api = {
  session: (signal?: AbortSignal) => request<Session>('/session', { signal }),
  signIn: (key: string) => request<Session>('/session', { method: 'POST', body: { key } }),
  signOut: () => request<void>('/session', { method: 'DELETE' }),
  status: (signal?: AbortSignal) => request<Status>('/status', { signal }),
  conversations: (filter: ConversationFilter, limit: number, cursor: string | null, signal?: AbortSignal) =>
    request<Page<ConversationRow>>('/conversations', { query: { ...filter, limit, cursor }, signal }),
  conversation: (conversationId: string, signal?: AbortSignal) =>
    request<Transcript>(`/conversations/${id(conversationId)}`, { signal }),
  conversationPage: (conversationId: string, limit: number, cursor: string | null, signal?: AbortSignal) =>
    request<Transcript>(`/conversations/${id(conversationId)}`, { query: { limit, cursor }, signal }),
  trace: (traceId: string, limit: number, cursor: string | null, signal?: AbortSignal) =>
    request<TraceDetail>(`/traces/${id(traceId)}`, { query: { limit, cursor }, signal }),
  span: (traceId: string, spanId: string, signal?: AbortSignal) =>
    request<SpanDetail>(`/traces/${id(traceId)}/spans/${id(spanId)}`, { signal }),
  explain: (traceId: string, signal?: AbortSignal) =>
    request<TraceExplained>(`/traces/${id(traceId)}/explain`, { signal }),
  explainConversation: (conversationId: string, signal?: AbortSignal) =>
    request<TraceExplained[]>(`/conversations/${id(conversationId)}/explain`, { signal }),
  patches: (traceId: string, spanId: string, signal?: AbortSignal) =>
    request<Patches>(`/traces/${id(traceId)}/spans/${id(spanId)}/patches`, { signal }),
  facet: (field: string, { of = 'conversations', limit = 200, filter = {} }: FacetOptions, signal?: AbortSignal) =>
    request<Facets>('/facets', { query: { ...filter, of, field, limit }, signal }),
  spans: (filter: ConversationFilter, limit: number, cursor: string | null, signal?: AbortSignal) =>
    request<Page<SpanRow>>('/spans', { query: { ...filter, limit, cursor }, signal }),
  complete: (typed: Query, signal?: AbortSignal) => request<Completions>('/complete', { query: typed, signal }),
  compare: (sides: Query, signal?: AbortSignal) => request<Comparison>('/compare', { query: sides, signal }),
  aggregate: (body: AggregateBody, signal?: AbortSignal) =>
    request<AggregateAnswer>('/aggregate', { method: 'POST', body, signal }),
  scores: (of: Query, signal?: AbortSignal) => request<{ items: Scored[] }>('/scores', { query: of, signal }),
  score: (body: NewScore) => request<Scored>('/scores', { method: 'POST', body }),
  withdrawScore: ({ id: score, trace_id, span_id, target = 'span' }: Scored) =>
    request<void>(`/scores/${id(score)}`, {
      method: 'DELETE',
      // One of a conversation or trace is withdrawn wherever it was told.
      query: { trace_id, target, ...(target === 'span' && { span_id }) },
    }),
  dashboards: (signal?: AbortSignal) => request<Dashboards>('/dashboards', { signal }),
  setDashboards: (all: Dashboards) => request<Dashboards>('/dashboards', { method: 'PUT', body: all }),
  views: (signal?: AbortSignal) => request<SavedViews>('/views', { signal }),
  setViews: (all: SavedViews) => request<SavedViews>('/views', { method: 'PUT', body: all }),
  makeProject: (name: string) => request<{ name: string }>('/projects', { method: 'POST', body: { name } }),
  makeKey: (project: string, scope: string) =>
    request<Key>(`/projects/${id(project)}/keys`, { method: 'POST', body: { scope } }),
  projects: (signal?: AbortSignal) => request<{ items: ProjectItem[] }>('/projects', { signal }),
  keys: (project: string, signal?: AbortSignal) =>
    request<{ items: KeyItem[] }>(`/projects/${id(project)}/keys`, { signal }),
  revokeKey: (project: string, key: string) =>
    request<void>(`/projects/${id(project)}/keys/${id(key)}`, { method: 'DELETE' }),
  members: (project: string, signal?: AbortSignal) =>
    request<{ items: MemberItem[] }>(`/projects/${id(project)}/members`, { signal }),
  invite: (project: string, member: Member) =>
    request<Invited>(`/projects/${id(project)}/members`, { method: 'POST', body: member }),
  setMember: (project: string, memberId: string, member: Member) =>
    request<void>(`/projects/${id(project)}/members/${id(memberId)}`, { method: 'PUT', body: member }),
  removeMember: (project: string, memberId: string) =>
    request<void>(`/projects/${id(project)}/members/${id(memberId)}`, { method: 'DELETE' }),
  prices: (signal?: AbortSignal) => request<Prices>('/prices', { signal }),
  setPrices: (own: Price[]) => request<Prices>('/prices', { method: 'PUT', body: { own } }),
  sources: (signal?: AbortSignal) => request<SourceList>('/sources', { signal }),
  disk: (signal?: AbortSignal) => request<Disk>('/disk', { signal }),
  retention: (signal?: AbortSignal) => request<Retention>('/retention', { signal }),
  setRetention: (retention: Retention) => request<Retention>('/retention', { method: 'PUT', body: retention }),
  quarantine: (cursor: string | null, signal?: AbortSignal) =>
    request<QuarantinePage>('/quarantine', { query: { limit: 50, cursor }, signal }),
  replay: (number: number) => request<Replay>(`/quarantine/${number}/replay`, { method: 'POST' }),
  /** The body of a request as it came: bytes that nothing here looks into. */
  quarantined: async (number: number): Promise<Blob> =>
    (await answered(`/quarantine/${number}`, { accept: '*/*' })).blob(),
  discard: (number: number) => request<void>(`/quarantine/${number}`, { method: 'DELETE' }),
  discardAll: () => request<void>('/quarantine', { method: 'DELETE' }),
  erasures: (cursor: string | null, signal?: AbortSignal) =>
    request<ErasurePage>('/erasures', { query: { limit: 50, cursor }, signal }),
  erasure: (number: number, signal?: AbortSignal) => request<Erasure>(`/erasures/${number}`, { signal }),
  erase: (what: NewErasure) => request<Erasure>('/erasures', { method: 'POST', body: what }),
};
