// Times that could not be loaded are not shown as times in which nothing was, and are asked for again.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { TimeHistogram } from './time-histogram';

afterEach(() => vi.unstubAllGlobals());

const FAILED = 'When these conversations were could not be loaded.';

/** Shows the bars where the server answers with these one after another. */
function show(...answers: (() => Promise<Response>)[]) {
  let asked = 0;
  const fetched = vi.fn(async () => {
    asked += 1;
    return answers[Math.min(asked, answers.length) - 1]!();
  });
  vi.stubGlobal('fetch', fetched);
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const page = (ready: boolean) => (
    <MantineProvider>
      <QueryClientProvider client={client}>
        <TimeHistogram filter={{}} period="24h" picked={{}} onPick={() => {}} ready={ready} />
      </QueryClientProvider>
    </MantineProvider>
  );
  return { fetched, page, ...render(page(true)) };
}

const refused = async () => new Response(JSON.stringify({ title: 'Refused' }), { status: 500 });
const counted = async () => new Response(JSON.stringify({ items: [], matched: 3 }));

test('a request that failed is said and made again', async () => {
  const { fetched } = show(refused, counted);
  expect(await screen.findByText(FAILED)).toBeVisible();
  expect(screen.queryByRole('application')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('application', { name: /^3 conversations over time/ })).toBeVisible();
  expect(screen.queryByText(FAILED)).toBeNull();
  expect(fetched).toHaveBeenCalledTimes(2);
});

test('while nothing is known yet there are no bars, and no failure', () => {
  show(() => new Promise(() => {}));
  expect(screen.getByRole('application')).toBeVisible();
  expect(screen.queryByText(FAILED)).toBeNull();
});

test('where the list itself could not be read, that is said elsewhere', async () => {
  const { page, rerender } = show(refused);
  expect(await screen.findByText(FAILED)).toBeVisible();
  rerender(page(false));
  expect(screen.queryByText(FAILED)).toBeNull();
});
