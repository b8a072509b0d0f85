// Users, sessions and channels, each with the sums of its conversations.
import type { AggregateAnswer } from '../api/types';
import { measured } from './buckets';

/** What conversations are grouped by, and what a list of them is filtered by. */
export const ENTITY_FIELDS = { users: 'user_id', sessions: 'session_id', channels: 'channel_id' } as const;

export const ENTITY_METRICS = [
  'error_share' as const,
  { sum: { field: 'usage.total' } },
  { sum: { field: 'cost' } },
  { sum: { field: 'feedback.positive' } },
  { sum: { field: 'feedback.negative' } },
];

/** Of which of these each column is, so that the server knows who has the most of it among all; conversations it counts anyway. */
export const METRIC_OF: Record<EntityColumn, number | null> = {
  conversations: null,
  errors: 0,
  tokens: 1,
  cost: 2,
  feedback: 4,
};

export interface EntityRow {
  id: string;
  conversations: number;
  /** The part of the conversations with errors, from 0 to 1. */
  errors: number;
  tokens: number | null;
  cost: number | null;
  positive: number;
  negative: number;
}

/** The groups of an aggregate with these metrics; conversations without the field are left out. */
export function entityRows(answer: AggregateAnswer | undefined): EntityRow[] {
  return (answer?.items ?? []).flatMap((row) => {
    const id = row.group.length > 0 ? row.group[0] : '';
    if (id === null || id === undefined) return [];
    return [
      {
        id: String(id),
        conversations: row.count,
        errors: measured(row, 0) ?? 0,
        tokens: measured(row, 1),
        cost: measured(row, 2),
        positive: measured(row, 3) ?? 0,
        negative: measured(row, 4) ?? 0,
      },
    ];
  });
}

export type EntityColumn = 'conversations' | 'errors' | 'tokens' | 'cost' | 'feedback';

/** The highest first; by feedback, those whom most displeased. */
export function byColumn(column: EntityColumn): (a: EntityRow, b: EntityRow) => number {
  const value = (row: EntityRow) => (column === 'feedback' ? row.negative : (row[column] ?? -1));
  return (a, b) => value(b) - value(a) || b.conversations - a.conversations;
}

/** Names of users by id, of an aggregate by id and name; the name that is told most often holds. */
export function namesOf(answer: AggregateAnswer | undefined): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { group } of answer?.items ?? []) {
    const [id, name] = group;
    if (typeof id === 'string' && typeof name === 'string' && !names.has(id)) names.set(id, name);
  }
  return names;
}
