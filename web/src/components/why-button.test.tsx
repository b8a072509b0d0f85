// The focus comes back to the button when what it opened is closed, and is not taken from elsewhere.
import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { WhyButton } from './why-button';

const page = (open: boolean) => (
  <>
    <WhyButton open={open} onToggle={() => {}} />
    <input aria-label="Elsewhere" />
  </>
);

test('the focus is given back when nothing has it', () => {
  const { rerender } = render(page(true));
  const button = screen.getByRole('button', { name: 'Why these figures', expanded: true });
  expect(button).not.toHaveFocus();
  rerender(page(false));
  expect(button).toHaveFocus();
  expect(button).toHaveAttribute('aria-expanded', 'false');
});

test('a reader who is elsewhere stays there', () => {
  const { rerender } = render(page(true));
  screen.getByLabelText('Elsewhere').focus();
  rerender(page(false));
  expect(screen.getByLabelText('Elsewhere')).toHaveFocus();
});
