// The names the page uses for what the API answers. Only this file looks into the generated schema.
import type { components } from './schema';

type Schemas = components['schemas'];

export type AggregateAnswer = Schemas['AggregateAnswer'];
/** What is measured. The generator takes a field with a default for one that must be given; the server does not. */
export type AggregateBody = Partial<Omit<Schemas['AggregateBody'], 'group_by'>> & {
  group_by?: Partial<Schemas['GroupBody']>[];
};
export type AggregateRow = Schemas['AggregateRow'];
export type Aligned = Schemas['Aligned'];
export type Comparison = Schemas['Comparison'];
export type Completion = Schemas['Completion'];
export type Completions = Schemas['Completions'];
export type Content = Schemas['Content'];
export type ConversationRow = Schemas['ConversationRow'];
export type CostPart = Schemas['CostPart'];
export type CountReason = Schemas['CountReason'];
export type ShownAs = Schemas['ShownAs'];
/** A chart of a dashboard; its aggregate as the page writes it. */
export type DashboardChart = Omit<Schemas['Chart'], 'aggregate'> & { aggregate: AggregateBody };
export type Dashboard = Omit<Schemas['Dashboard'], 'charts'> & { charts: DashboardChart[] };
export type Dashboards = { revision: number; items: Dashboard[] };
export type MetricBody = Schemas['MetricBody'];
export type Disk = Schemas['Disk'];
export type Document = Schemas['Document'];
export type Erasure = Schemas['Erasure'];
export type ErasurePage = Schemas['ErasurePage'];
export type ErasureRow = Schemas['ErasureRow'];
export type Event = Schemas['Event'];
export type Facets = Schemas['Facets'];
export type FeedbackCounts = Schemas['FeedbackCounts'];
export type Highlight = Schemas['Highlight'];
export type Invited = Schemas['Invited'];
export type Key = Schemas['Key'];
export type KeyItem = Schemas['KeyItem'];
export type Member = Schemas['Member'];
export type MemberItem = Schemas['MemberItem'];
export type Message = Schemas['Message'];
export type NewErasure = Schemas['NewErasure'];
export type NewScore = Schemas['NewScore'];
export type NumberPair = Schemas['NumberPair'];
export type Part = Schemas['Part'];
export type Patches = Schemas['Patches'];
export type Price = Partial<Schemas['Price']> & Pick<Schemas['Price'], 'model'>;
export type Prices = Omit<Schemas['Prices'], 'own'> & { own: Price[] };
export type ProjectItem = Schemas['ProjectItem'];
export type QueryMistake = Schemas['QueryError'];
export type Quarantined = Schemas['Quarantined'];
export type QuarantinePage = Schemas['QuarantinePage'];
export type Replay = Schemas['Replay'];
export type Retention = Schemas['Retention'];
export type SavedView = Schemas['View'];
export type SavedViews = Schemas['Views'];
export type Score = Schemas['Score'];
export type Scored = Schemas['Scored'];
export type ScoreTotals = Schemas['ScoreTotals'];
export type Session = Schemas['Session'];
export type Source = Schemas['Source'];
export type SourceList = Schemas['SourceList'];
export type SourceReport = Schemas['SourceReport'];
export type SpanDetail = Schemas['SpanDetail'];
export type SpanExplained = Schemas['SpanExplained'];
export type SpanRow = Schemas['SpanRow'];
export type Status = Schemas['Status'];
export type StatusCode = Schemas['StatusCode'];
export type TraceDetail = Schemas['TraceDetail'];
export type TraceExplained = Schemas['TraceExplained'];
export type TraceRow = Schemas['TraceRow'];
export type Transcript = Schemas['Transcript'];
export type Turn = Schemas['Turn'];
export type Usage = Schemas['Usage'];
export type User = Schemas['User'];
export type Warning = Schemas['Warning'];

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
  /** For each row where what was searched for occurs in it. */
  highlights?: (Highlight | null)[];
  /** Whether rows may be missing, because the query is about more than is looked at. */
  truncated?: boolean;
}

/** What a live `change` event names. */
export interface Change {
  conversation_ids: string[];
  trace_ids: string[];
}
