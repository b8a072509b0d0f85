// What could not be taken back is told of that alone.
import { MantineProvider } from '@mantine/core';
import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';
import { offerUndo } from '../state/undo';
import { UndoBar } from './undo-bar';

afterEach(() => act(() => offerUndo(null)));

test('a failure is told, and not of what is offered next', async () => {
  render(
    <MantineProvider>
      <UndoBar />
    </MantineProvider>,
  );
  act(() => offerUndo({ message: 'The first is deleted.', undo: () => Promise.reject(new Error('It is locked')) }));
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  expect(await screen.findByText('It is locked')).toBeVisible();
  act(() => offerUndo({ message: 'The second is deleted.', undo: async () => {} }));
  expect(screen.getByText('The second is deleted.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Undo' })).toBeNull());
});
