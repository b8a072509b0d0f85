// A chart is one stop of the Tab key; its keys move, tell, open and leave, and the page's own keys do not hear of it.
import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { Spoken } from '../components/spoken';
import type { ChartRoom } from '../model/chart-cursor';
import { useChartKeys } from './chart-keys';
import { useKeys } from './keys';

function Bars({ room, onOpen, pageKey }: { room: ChartRoom; onOpen: () => void; pageKey: () => void }) {
  const { cursor, onKeyDown, leave } = useChartKeys(room, onOpen);
  useKeys({ ArrowRight: pageKey, ArrowDown: pageKey, Enter: pageKey, Escape: pageKey });
  return (
    <>
      <div role="application" aria-describedby="help" tabIndex={0} onKeyDown={onKeyDown} onBlur={leave} />
      <button type="button">Next</button>
      <Spoken id="help" help="Use the arrows" words={cursor ? `bars ${cursor.from} to ${cursor.at}` : ''} />
    </>
  );
}

function setUp() {
  const onOpen = vi.fn();
  const pageKey = vi.fn();
  const user = userEvent.setup();
  const draw = (points: number) => (
    <MantineProvider>
      <Bars room={{ points, lines: 1, stretches: true }} onOpen={onOpen} pageKey={pageKey} />
    </MantineProvider>
  );
  const { rerender } = render(draw(4));
  return { onOpen, pageKey, user, shrink: () => rerender(draw(1)) };
}

test('arrows choose, Enter opens what is chosen, and the next arrow goes on from there', async () => {
  const { onOpen, pageKey, user } = setUp();
  await user.tab();
  expect(screen.getByRole('application')).toHaveFocus();
  expect(screen.getByRole('application')).toHaveAccessibleDescription('Use the arrows');
  await user.keyboard('{End}{Shift>}{ArrowLeft}{ArrowLeft}{/Shift}');
  expect(await screen.findByText('bars 3 to 1')).toHaveAttribute('aria-live', 'polite');
  await user.keyboard('{Enter}');
  expect(onOpen.mock.calls).toEqual([[{ at: 1, from: 3, line: 0 }]]);
  await user.keyboard('{ArrowRight}{Enter}');
  expect(onOpen.mock.calls[1]).toEqual([{ at: 2, from: 2, line: 0 }]);
  expect(pageKey).not.toHaveBeenCalled();
});

test('Escape leaves the cursor, and once there is none, the page', async () => {
  const { onOpen, pageKey, user } = setUp();
  await user.tab();
  await user.keyboard('{Enter}');
  expect(onOpen).not.toHaveBeenCalled();
  await user.keyboard('{ArrowRight}{Escape}');
  expect(pageKey).not.toHaveBeenCalled();
  await user.keyboard('{Enter}');
  expect(onOpen).not.toHaveBeenCalled();
  await user.keyboard('{Escape}{ArrowDown}');
  expect(pageKey).toHaveBeenCalledTimes(2);
});

test('chords are left to the browser, and the cursor is gone with the focus and with its point', async () => {
  const { onOpen, user, shrink } = setUp();
  await user.tab();
  await user.keyboard('{Alt>}{ArrowRight}{/Alt}{Enter}');
  expect(onOpen).not.toHaveBeenCalled();
  await user.keyboard('{ArrowRight}');
  await user.tab();
  await user.tab({ shift: true });
  expect(screen.getByRole('application')).toHaveFocus();
  await user.keyboard('{Enter}');
  expect(onOpen).not.toHaveBeenCalled();
  await user.keyboard('{End}');
  shrink();
  await user.keyboard('{Enter}');
  expect(onOpen).not.toHaveBeenCalled();
});
