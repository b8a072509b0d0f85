// The cost of a step says which price each kind of its tokens had, or why there is none.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import type { SpanDetail, SpanExplained } from '../api/types';
import { CostSection } from './cost-section';

afterEach(() => vi.unstubAllGlobals());

const step = { trace_id: 't', span_id: 's', usage: { input: 1000 }, cost: 0.01 } as SpanDetail;
const call = {
  span_id: 's',
  usage_counted: true,
  usage_reason: 'model_call',
  cost_counted: true,
  cost_reason: 'model_call',
} as const;

async function open(explained: Partial<SpanExplained>) {
  const trace = { conversation_id: 'c', trace_id: 't', without_cost: 0, spans: [{ ...call, ...explained }] };
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(JSON.stringify(trace))),
  );
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <CostSection span={step} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Where the cost is from' }));
}

test('what each kind of tokens came to, and as what it was priced', async () => {
  await open({
    cost: 0.01,
    cost_source: 'own_price',
    price: {
      source: 'own_price',
      price: { model: 'my-model*' } as never,
      parts: [
        { tokens_of: 'input', priced_as: 'input', tokens: 1000, per_million: 2.5, cost: 0.0025 },
        { tokens_of: 'input_audio', priced_as: 'input', tokens: 3000, per_million: 2.5, cost: 0.0075 },
      ],
    },
  });
  expect(await screen.findByText(/a price of your own\. .*my-model\*/)).toBeVisible();
  const audio = screen.getByRole('row', { name: /Audio in/ });
  expect(within(audio).getByText('priced as Input')).toBeVisible();
  expect(within(audio).getByText('3,000')).toBeVisible();
  expect(within(audio).getByText('$2.5')).toBeVisible();
  expect(within(audio).getByText('$0.0075')).toBeVisible();
  expect(screen.queryAllByText(/priced as/)).toHaveLength(1);
});

test('why there is no cost', async () => {
  await open({ no_cost: 'no_price' });
  expect(await screen.findByText(/No price is known of its model/)).toBeVisible();
  expect(screen.queryByRole('table')).toBeNull();
});

test('a step without tokens and cost has no such section', () => {
  const client = new QueryClient();
  const { container } = render(
    <QueryClientProvider client={client}>
      <CostSection span={{ ...step, usage: null, cost: null }} />
    </QueryClientProvider>,
  );
  expect(container).toBeEmptyDOMElement();
});
