// The project's dashboards: read once, and set as a whole on top of what was read.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, api } from '../api/client';
import type { Dashboard } from '../api/types';

const DASHBOARDS = ['dashboards'] as const;

export function useDashboards() {
  return useQuery({ queryKey: DASHBOARDS, queryFn: ({ signal }) => api.dashboards(signal), staleTime: 30_000 });
}

/** Changes the dashboards; where somebody else has meanwhile, the change is made to theirs. */
export function useChangeDashboards() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (change: (items: Dashboard[]) => Dashboard[]) => {
      const attempt = async () => {
        const { revision, items } = await api.dashboards();
        return api.setDashboards({ revision, items: change(items) });
      };
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) return attempt();
        throw error;
      }
    },
    onSuccess: (all) => client.setQueryData(DASHBOARDS, all),
  });
}
