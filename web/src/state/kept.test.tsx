// What people keep together loses nobody's change, and shows one's own before the server has it.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { type KeptList, useChangeKept, useKept } from './kept';

/** What a server keeps of such a list, and how it answers. */
function serverWith(items: string[]) {
  const server = { revision: 1, items, broken: false, meanwhile: () => {} };
  const list: KeptList<string> = {
    name: 'things',
    atOnce: true,
    read: async () => ({ revision: server.revision, items: server.items }),
    write: async (all) => {
      server.meanwhile();
      if (server.broken) throw new ApiError(500, 'Broken');
      if (all.revision !== server.revision) throw new ApiError(409, 'Conflict');
      server.revision += 1;
      server.items = all.items;
      return { revision: server.revision, items: all.items };
    },
  };
  return { server, list };
}

async function shown(list: KeptList<string>) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => ({ kept: useKept(list), change: useChangeKept(list) }), { wrapper });
  const see = (items: string[]) => waitFor(() => expect(result.current.kept.data?.items).toEqual(items));
  await see(['a']);
  return { result, see };
}

test('a change is made on top of what somebody else has changed meanwhile', async () => {
  const { server, list } = serverWith(['a']);
  const { result, see } = await shown(list);
  server.meanwhile = () => {
    server.meanwhile = () => {};
    server.revision += 1;
    server.items = ['a', 'theirs'];
  };
  await act(async () => {
    await result.current.change.mutateAsync((items) => [...items, 'ours']);
  });
  expect(server.items).toEqual(['a', 'theirs', 'ours']);
  await see(['a', 'theirs', 'ours']);
});

test('a change is shown at once, and taken back where the server does not take it', async () => {
  const { server, list } = serverWith(['a']);
  let answer: (() => void) | null = null;
  const write: typeof list.write = async (all) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return list.write(all);
  };
  const { result, see } = await shown({ ...list, write });
  server.broken = true;
  act(() => result.current.change.mutate((items) => [...items, 'b']));
  await see(['a', 'b']);
  await waitFor(() => expect(answer).not.toBeNull());
  expect(server.items).toEqual(['a']);
  act(() => answer?.());
  await see(['a']);
  await waitFor(() => expect(result.current.change.error).toBeInstanceOf(ApiError));
});
