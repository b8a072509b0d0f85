// A list of values says whether it is empty, still on its way, or has nothing by the name that is looked for.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { FacetSelect } from './filter-select';

afterEach(() => vi.unstubAllGlobals());

async function open(answer: Promise<Response>) {
  vi.stubGlobal(
    'fetch',
    vi.fn(() => answer),
  );
  // A list scrolls to what is chosen, which jsdom cannot.
  Element.prototype.scrollIntoView = vi.fn();
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <FacetSelect label="Channel" field="channel_id" value={undefined} onChange={() => {}} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Channel' }));
}

const items = (...values: string[]) =>
  Promise.resolve(new Response(JSON.stringify({ items: values.map((value) => ({ value, count: 1 })) })));

test('values that are on their way are not said to be missing', async () => {
  await open(new Promise(() => {}));
  expect(await screen.findByText('Loading')).toBeVisible();
  expect(screen.queryByText('Nothing here yet')).toBeNull();
});

test('there may be none, or none by that name', async () => {
  await open(items('web'));
  expect(await screen.findByText('web')).toBeVisible();
  await userEvent.type(screen.getByLabelText('Find a channel'), 'phone');
  expect(await screen.findByText('Nothing by that name')).toBeVisible();
});
