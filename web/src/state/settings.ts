// What settings show and change; every change asks anew for what it touches.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import type { NewErasure, Retention } from '../api/types';

const RETENTION = ['retention'] as const;
const DISK = ['disk'] as const;
const QUARANTINE = ['quarantine'] as const;
const ERASURES = ['erasures'] as const;
/** An erasure is done within seconds; until then its receipt is asked for again. */
const ERASING_MS = 1500;

export function useDisk() {
  return useQuery({ queryKey: DISK, queryFn: ({ signal }) => api.disk(signal) });
}

export function useRetention() {
  return useQuery({ queryKey: RETENTION, queryFn: ({ signal }) => api.retention(signal) });
}

export function useSetRetention() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (retention: Retention) => api.setRetention(retention),
    onSuccess: (retention) => client.setQueryData(RETENTION, retention),
  });
}

export function useMakeProject() {
  return useMutation({ mutationFn: (name: string) => api.makeProject(name) });
}

export function useMakeKey() {
  return useMutation({
    mutationFn: ({ project, scope }: { project: string; scope: string }) => api.makeKey(project, scope),
  });
}

export function useQuarantine() {
  return useInfiniteQuery({
    queryKey: QUARANTINE,
    queryFn: ({ pageParam, signal }) => api.quarantine(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

export function useQuarantineActions() {
  const client = useQueryClient();
  const onSettled = () => client.invalidateQueries({ queryKey: QUARANTINE });
  const replay = useMutation({ mutationFn: (id: number) => api.replay(id), onSettled });
  const discard = useMutation({ mutationFn: (id: number) => api.discard(id), onSettled });
  return { replay, discard };
}

export function useErasures() {
  return useInfiniteQuery({
    queryKey: ERASURES,
    queryFn: ({ pageParam, signal }) => api.erasures(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((erasure) => !erasure.done_at)) ? ERASING_MS : false,
  });
}

/** The receipt of an erasure, asked for when it is opened. */
export function useErasure(id: number, enabled: boolean) {
  return useQuery({ queryKey: [...ERASURES, id], queryFn: ({ signal }) => api.erasure(id, signal), enabled });
}

export function useErase() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (what: NewErasure) => api.erase(what),
    onSuccess: () => client.invalidateQueries(),
  });
}
