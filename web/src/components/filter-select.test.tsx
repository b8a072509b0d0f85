// A list of values says whether it is empty, still on its way, has nothing by a name, or is not all there is.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { FacetSelect } from './filter-select';

afterEach(() => vi.unstubAllGlobals());

/** Opens the list over a server that answers to a query, which is null where all values are asked for. */
async function open(answer: (query: string | null) => Promise<Response>) {
  const fetch = vi.fn((address: string) => answer(new URL(address, 'http://localhost').searchParams.get('q')));
  vi.stubGlobal('fetch', fetch);
  // A list scrolls to what is chosen, which jsdom cannot.
  Element.prototype.scrollIntoView = vi.fn();
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const onChange = vi.fn();
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <FacetSelect label="Channel" field="channel_id" value={undefined} onChange={onChange} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Channel' }));
  return { fetch, onChange };
}

function answerOf(values: string[], total = values.length): Promise<Response> {
  const items = values.map((value) => ({ value, count: 1, last_time: null }));
  return Promise.resolve(new Response(JSON.stringify({ items, total, truncated: false, timed_out: false })));
}

const never = new Promise<Response>(() => {});
const type = (typed: string) => userEvent.type(screen.getByLabelText('Find a channel'), typed);

test('values that are on their way are not said to be missing', async () => {
  await open(() => never);
  expect(await screen.findByText('Loading')).toBeVisible();
  expect(screen.queryByText('Nothing here yet')).toBeNull();
});

test('there may be none, or none by that name, and of all values the server is not asked again', async () => {
  const { fetch } = await open(() => answerOf(['web']));
  expect(await screen.findByText('web')).toBeVisible();
  expect(screen.queryByText(/most frequent/)).toBeNull();
  await type('phone');
  expect(await screen.findByText('Nothing by that name')).toBeVisible();
  expect(fetch).toHaveBeenCalledOnce();
});

test('of more values than are shown that is said, and the others are found by typing', async () => {
  const { fetch, onChange } = await open((query) =>
    query ? answerOf(['Web-201', 'app']) : answerOf(['web', 'web-2'], 300),
  );
  expect(await screen.findByText('The 2 most frequent; type to search all.')).toBeVisible();
  await type('eb-2');
  // What is there is found at once.
  expect(screen.getByText('web-2')).toBeVisible();
  const found = await screen.findByText('Web-201');
  expect(screen.queryByText('app')).toBeNull();
  await userEvent.click(found);
  expect(onChange).toHaveBeenLastCalledWith('Web-201');
  const asked = new URL(fetch.mock.lastCall?.[0] ?? '', 'http://localhost').searchParams;
  expect(asked.get('q')).toBe('channel_id:*eb-2*|*EB-2*|*Eb-2*');
  expect(asked.get('field')).toBe('channel_id');
});

test('while the server looks, nothing is said to be missing; then it is', async () => {
  let answer = (_: Response) => {};
  const later = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  await open((query) => (query ? later : answerOf(['web'], 300)));
  await screen.findByText('web');
  await type('x');
  expect(await screen.findByText('Searching all…')).toBeVisible();
  expect(screen.queryByText('Nothing by that name')).toBeNull();
  answer(await answerOf([]));
  expect(await screen.findByText('Nothing by that name')).toBeVisible();
});

test('a search that failed says why', async () => {
  const refused = () =>
    Promise.resolve(new Response('{"title":"Unavailable","detail":"it restarts"}', { status: 503 }));
  await open((query) => (query ? refused() : answerOf(['web'], 300)));
  await screen.findByText('web');
  await type('x');
  expect(await screen.findByText('Unavailable: it restarts')).toBeVisible();
});

test('where even what was typed is in very many, that is said', async () => {
  await open((query) => (query ? answerOf(['web-1'], 250) : answerOf(['web'], 300)));
  await screen.findByText('web');
  await type('w');
  expect(await screen.findByText('There are more; type more of it.')).toBeVisible();
});
