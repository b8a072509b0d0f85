// What settings show and change; every change asks anew for what it touches.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Member, MemberItem, NewErasure, Price, Retention } from '../api/types';
import { saveFile } from '../lib/save-file';
import { text } from '../lib/text';
import { offerUndo } from './undo';

const RETENTION = ['retention'] as const;
const DISK = ['disk'] as const;
const QUARANTINE = ['quarantine'] as const;
const PROJECTS = ['projects'] as const;
const PRICES = ['prices'] as const;
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

/** The projects that whoever is signed in cares for. */
export function useProjects() {
  return useQuery({ queryKey: PROJECTS, queryFn: ({ signal }) => api.projects(signal) });
}

export function useMakeProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => api.makeProject(name),
    onSuccess: () => client.invalidateQueries({ queryKey: PROJECTS }),
  });
}

export function useKeyList(project: string) {
  return useQuery({
    queryKey: [...PROJECTS, project, 'keys'],
    queryFn: ({ signal }) => api.keys(project, signal),
    enabled: project !== '',
  });
}

export function useMakeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ project, scope }: { project: string; scope: string }) => api.makeKey(project, scope),
    onSuccess: () => client.invalidateQueries({ queryKey: PROJECTS }),
  });
}

export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ project, key }: { project: string; key: string }) => api.revokeKey(project, key),
    // It may have been the one that this browser signed in with.
    onSuccess: () => client.invalidateQueries(),
  });
}

/** Who works on a project. */
export function useMembers(project: string) {
  return useQuery({
    queryKey: [...PROJECTS, project, 'members'],
    queryFn: ({ signal }) => api.members(project, signal),
    enabled: project !== '',
  });
}

export function useMemberActions(project: string) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: PROJECTS });
  const invite = useMutation({ mutationFn: (member: Member) => api.invite(project, member), onSuccess: refresh });
  const setRole = async ({ id, name, email }: MemberItem, role: string) => {
    await api.setMember(project, id, { name, email: email ?? null, role });
    await refresh();
  };
  const change = useMutation({
    mutationFn: ({ member, role }: { member: MemberItem; role: string }) => setRole(member, role),
    onSuccess: (_, { member, role }) =>
      offerUndo({
        message: text.settings.members.changed(member.name, role),
        undo: () => setRole(member, member.role),
      }),
  });
  const remove = useMutation({ mutationFn: (id: string) => api.removeMember(project, id), onSuccess: refresh });
  return { invite, change, remove };
}

/** The lists follow a change of prices within seconds; until then it is asked for again. */
const FOLLOWING_MS = 2000;

export function usePrices() {
  return useQuery({
    queryKey: PRICES,
    queryFn: ({ signal }) => api.prices(signal),
    refetchInterval: ({ state }) => (state.data && !state.data.followed ? FOLLOWING_MS : false),
  });
}

export function useSetPrices() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (own: Price[]) => api.setPrices(own),
    // Every cost on every page may be another one now.
    onSuccess: () => client.invalidateQueries(),
  });
}

export function useSources() {
  return useQuery({ queryKey: ['sources'], queryFn: ({ signal }) => api.sources(signal), refetchInterval: 10_000 });
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
  const discardAll = useMutation({ mutationFn: () => api.discardAll(), onSettled });
  const download = useMutation({
    mutationFn: async (id: number) =>
      saveFile(`quarantine-${id}.body`, 'application/octet-stream', await api.quarantined(id)),
    // It may have made room for newer ones.
    onError: onSettled,
  });
  return { replay, discard, discardAll, download };
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
