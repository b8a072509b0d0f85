// Contents are shown as what they are, and nothing in them becomes a part of the page.
import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { Content } from '../api/types';
import { isolated } from '../lib/isolated';
import { ContentView } from './content-view';

function show(content: Content) {
  return render(<ContentView content={content} />, {
    wrapper: ({ children }) => <MantineProvider>{children}</MantineProvider>,
  });
}

test('markdown is formatted, HTML and pictures in it are not', async () => {
  const { container } = show({
    type: 'text',
    text: '**bold** <img src=x onerror=alert(1)> ![cat](https://example.com/cat.png)',
  });
  expect(await screen.findByText('bold')).toHaveProperty('tagName', 'STRONG');
  expect(container.querySelector('img')).toBeNull();
  expect(screen.getByRole('link', { name: 'cat' })).toHaveAttribute('href', 'https://example.com/cat.png');
});

test('a text that is JSON becomes a tree that closes', async () => {
  show({ type: 'text', text: '{"answer": {"value": 42}}' });
  expect(screen.getByText('42')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: /answer/ }));
  expect(screen.queryByText('42')).toBeNull();
});

test('tool calls, results and documents', () => {
  show({
    type: 'messages',
    messages: [
      { role: 'assistant', parts: [{ type: 'tool_call', id: '1', name: 'search', arguments: { q: 'bikes' } }] },
      { role: 'tool', parts: [{ type: 'tool_result', id: '1', name: null, result: 'none' }] },
    ],
  });
  expect(screen.getByText('search')).toBeVisible();
  expect(screen.getByText('bikes')).toBeVisible();
  expect(screen.getByText('none')).toBeVisible();
});

test('a recorded script address is no link', () => {
  show({
    type: 'messages',
    messages: [{ role: 'user', parts: [{ type: 'media', uri: 'javascript:alert(1)', name: 'file' }] }],
  });
  expect(screen.queryByRole('link')).toBeNull();
  expect(screen.getByText(isolated('file'))).toBeVisible();
});

test('an image is loaded from the server alone, lazily, and its failure is told', () => {
  const kept = '/api/v1/traces/t/media/000102030405060708090a0b0c0d0e0f';
  const { container } = show({
    type: 'messages',
    messages: [
      {
        role: 'user',
        parts: [
          { type: 'media', uri: kept, mime_type: 'image/png', bytes: 700_000 },
          { type: 'media', uri: 'https://example.com/a.png', mime_type: 'image/png' },
          { type: 'other', value: { type: 'input_audio', input_audio: { data: kept, format: 'wav' } } },
        ],
      },
    ],
  });
  const images = screen.getAllByRole('img');
  expect(images).toHaveLength(1);
  expect(images[0]).toHaveAttribute('src', kept);
  expect(images[0]).toHaveAttribute('loading', 'lazy');
  expect(container.querySelector('audio')).toHaveAttribute('src', kept);
  fireEvent.error(images[0]!);
  expect(screen.getByRole('alert')).toHaveTextContent('image/png · 683.6 KiB could not be loaded');
});

test('long histories are folded', async () => {
  const messages = Array.from({ length: 9 }, (_, index) => ({
    role: 'user',
    parts: [{ type: 'text' as const, text: `words ${index}` }],
  }));
  show({ type: 'messages', messages });
  expect(screen.queryByText('words 0')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: '3 earlier messages' }));
  expect(screen.getByText('words 0')).toBeVisible();
});
