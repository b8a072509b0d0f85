// The figures of the charts: aggregates over the period, each asked for once and kept while the reader looks elsewhere.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import type { AggregateBody } from '../api/types';

export function useAggregate(body: AggregateBody, enabled = true) {
  return useQuery({
    queryKey: ['aggregate', body],
    queryFn: ({ signal }) => api.aggregate(body, signal),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    enabled,
  });
}
