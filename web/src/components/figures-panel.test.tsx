// The totals of a conversation are explained by the steps that they are the sums of, and by what was left out of them.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import type { TraceExplained } from '../api/types';
import { explained, explainedTrace } from '../model/testing';
import { FiguresPanel } from './figures-panel';

afterEach(() => vi.unstubAllGlobals());

const table = { source: 'genai-prices', version: '1.2.3', date: '2026-11-01', url: 'https://a.example', prices: 1200 };

function show(...answers: (TraceExplained[] | number)[]) {
  const asked: string[] = [];
  vi.stubGlobal(
    'fetch',
    vi.fn(async (input: string) => {
      if (input.endsWith('/prices')) return new Response(JSON.stringify({ own: [], table, followed: true }));
      if (!input.endsWith('/explain')) return new Response(JSON.stringify({ scope: 'read' }));
      asked.push(input);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (typeof answer === 'number') return new Response(JSON.stringify({ title: 'Refused' }), { status: answer });
      return new Response(JSON.stringify(answer));
    }),
  );
  const onSelect = vi.fn();
  const onClose = vi.fn();
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const { container } = render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <FiguresPanel of={{ conversation: 'c 1' }} onSelect={onSelect} onClose={onClose} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { container, asked, onSelect, onClose };
}

const answered = explained('answer', {
  name: 'answer',
  model: 'gpt-4o',
  usage: { input: 1000, cache_read: 400, output: 100 },
  cost: 0.025,
  cost_source: 'price_table',
  price: {
    source: 'price_table',
    price: { model: 'gpt-4o', above: 200_000 },
    parts: [
      { tokens_of: 'input', priced_as: 'input', tokens: 600, per_million: 2.5, cost: 0.0015 },
      { tokens_of: 'output', priced_as: 'output', tokens: 100, per_million: 10, cost: 0.001 },
    ],
  },
});
const unpriced = explained('own', {
  kind: 'generation',
  usage: { input: 2000, output: 20 },
  cost_counted: false,
  cost_reason: 'no_usage',
  no_cost: 'no_price',
});
const repeated = explained('agent', {
  name: 'order agent',
  usage: { input: 3000, output: 120 },
  usage_counted: false,
  usage_reason: 'repeats_children',
  cost_counted: false,
  cost_reason: 'not_a_model_call',
});
const traces = [
  explainedTrace('t1', [repeated, answered], { usage: answered.usage ?? null, cost: 0.025 }),
  explainedTrace('t2', [unpriced], { usage: unpriced.usage ?? null, without_cost: 1 }),
];

test('the steps that count, where their figures are from, and their sum', async () => {
  const { asked, onSelect } = show(traces);
  const sum = await screen.findByRole('row', { name: /^Sum of 2 steps/ });
  expect(asked).toEqual(['/api/v1/conversations/c%201/explain']);
  expect(within(sum).getByText('3,120 tokens')).toBeVisible();
  expect(within(sum).getByText('3,000')).toBeVisible();
  expect(within(sum).getByText('$0.025')).toBeVisible();
  const answer = screen.getByRole('row', { name: /^answer/ });
  expect(within(answer).getByText('gpt-4o')).toBeVisible();
  expect(within(answer).getByText('Read from cache 400')).toBeVisible();
  const origin = /Worked out by the price table\. .*gpt-4o.*, for calls with more than 200,000 tokens in\. A million/;
  expect(screen.getByText(origin)).toHaveTextContent('A million tokens: Input $2.5, Output $10.');
  expect(await screen.findByText(/1,200 prices of genai-prices, version 1\.2\.3 of 2026-11-01/)).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'answer' }));
  expect(onSelect).toHaveBeenCalledWith({ traceId: 't1', stepId: 'answer' });
});

test('what is not counted, and what has no price, is folded away with its reason', async () => {
  show(traces);
  expect(await screen.findByText(/too low by what 1 step without a price/)).toBeVisible();
  expect(screen.queryByText('repeats the steps below')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: /^Not counted/ }));
  expect(screen.getByText('repeats the steps below')).toBeVisible();
  expect(screen.getByRole('row', { name: /^order agent/ })).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: /^Without a price/ }));
  const priceless = screen.getByRole('region', { name: /^Without a price/ });
  expect(within(priceless).getByText('No price is known of its model.')).toBeVisible();
  expect(within(priceless).getByRole('button', { name: 'Generation' })).toBeVisible();
});

test('of very many the dearest are shown, and how much the others come to', async () => {
  const many = Array.from({ length: 250 }, (_, at) => explained(`s${at}`, { usage: { input: 1 }, cost: at }));
  const { container } = show([explainedTrace('t', many, { usage: { input: 250 }, cost: 31_125 })]);
  expect(await screen.findByText('50 more')).toBeVisible();
  const shown = [...container.querySelectorAll('[data-figure]')].map((row) => row.getAttribute('data-figure'));
  expect(shown).toHaveLength(200);
  expect(shown[0]).toBe('s249');
  // 0 + 1 + ... + 49
  expect(container.querySelector('[data-rest]')).toHaveTextContent('$1,225.00');
  expect(container.querySelector('[data-sum]')).toHaveTextContent('$31,125.00');
});

test('where nothing tells of tokens or cost, that is said', async () => {
  show([explainedTrace('t', [])]);
  expect(await screen.findByText('No step here tells of tokens or of a cost that counts.')).toBeVisible();
  expect(screen.queryByRole('table')).toBeNull();
});

test('it takes the focus, says what went wrong, and asks again', async () => {
  const { onClose } = show(500, traces);
  expect(screen.getByRole('heading', { name: 'Why these figures' })).toHaveFocus();
  expect(await screen.findByText('This could not be loaded')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('row', { name: /^Sum of 2 steps/ })).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Close the figures' }));
  expect(onClose).toHaveBeenCalledOnce();
});
