// Lists that the people of a project keep together: each is read once, and set as a whole on top of what was read.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/client';

interface Kept<T> {
  revision: number;
  items: T[];
}

export interface KeptList<T> {
  /** Its name among the queries. */
  name: string;
  read: (signal?: AbortSignal) => Promise<Kept<T>>;
  write: (all: Kept<T>) => Promise<Kept<T>>;
  /** Whether a change is shown before the server has it. */
  atOnce?: boolean;
}

export function useKept<T>({ name, read }: KeptList<T>) {
  return useQuery({ queryKey: [name], queryFn: ({ signal }) => read(signal), staleTime: 30_000 });
}

/** Changes the list; where somebody else has meanwhile, the change is made to theirs. */
export function useChangeKept<T>({ name, read, write, atOnce = false }: KeptList<T>) {
  const client = useQueryClient();
  const queryKey = [name];
  return useMutation({
    // One change after the other, each on top of the one before.
    scope: { id: name },
    mutationFn: async (change: (items: T[]) => T[]) => {
      const attempt = async () => {
        const { revision, items } = await read();
        return write({ revision, items: change(items) });
      };
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) return attempt();
        throw error;
      }
    },
    onMutate: async (change) => {
      if (!atOnce) return undefined;
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData<Kept<T>>(queryKey);
      client.setQueryData<Kept<T>>(queryKey, before && { ...before, items: change(before.items) });
      return before;
    },
    onSuccess: (all) => client.setQueryData<Kept<T>>(queryKey, all),
    onError: (_error, _change, before) => {
      if (before) client.setQueryData<Kept<T>>(queryKey, before);
      return client.invalidateQueries({ queryKey });
    },
  });
}
