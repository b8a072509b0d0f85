// The figures of the charts: aggregates over the period, each asked for once and kept while the reader looks elsewhere.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api } from '../api/client';
import type { AggregateBody } from '../api/types';
import { namesOf } from '../model/entities';

export function useAggregate(body: AggregateBody, enabled = true) {
  return useQuery({
    queryKey: ['aggregate', body],
    queryFn: ({ signal }) => api.aggregate(body, signal),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    enabled,
  });
}

/** Most users whose names are asked for. */
const NAMED = 1000;

/** Names of users by id, as the conversations of the filter tell them. */
export function useUserNames(filter: Record<string, string>, enabled = true): ReadonlyMap<string, string> {
  const { data } = useAggregate(
    {
      of: 'conversations',
      group_by: [
        { field: 'user_id', top: NAMED },
        { field: 'user_name', top: NAMED },
      ],
      filter,
      limit: 10_000,
    },
    enabled,
  );
  return useMemo(() => namesOf(data), [data]);
}
