// A step that cannot be shown says so, and can be closed like any other.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { StepPanel } from './step-panel';

afterEach(() => vi.unstubAllGlobals());

function Page({ children }: { children: ReactNode }) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return (
    <MantineProvider>
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </MantineProvider>
  );
}

test.each([
  [404, 'This step is not here'],
  [500, 'This could not be loaded'],
])('an answer with %s leaves a panel that says "%s"', async (status, words) => {
  const answer = new Response(JSON.stringify({ title: 'Refused', detail: 'by the test' }), { status });
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => answer.clone()),
  );
  const onClose = vi.fn();
  render(<StepPanel traceId="t" stepId="s" row={null} spans={[]} onClose={onClose} />, { wrapper: Page });
  expect(await screen.findByText(words)).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Close the step' }));
  expect(onClose).toHaveBeenCalledOnce();
});
