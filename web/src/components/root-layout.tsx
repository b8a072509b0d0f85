// The frame of every page: top bar, the page below it, and the shortcuts that work everywhere.
import { useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Outlet, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useChord, useKeys, useSequence } from '../lib/keys';
import { text } from '../lib/text';
import { CompareBar } from './compare-button';
import { Palette } from './palette';
import classes from './root-layout.module.css';
import { ShortcutsDialog } from './shortcuts-dialog';
import { nextScheme } from './theme-toggle';
import { TopBar } from './top-bar';
import { UndoBar } from './undo-bar';

export function RootLayout() {
  const [shortcuts, { open, close }] = useDisclosure(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  useKeys({
    '?': open,
    t: () => setColorScheme(nextScheme(colorScheme)),
  });
  const [palette, setPalette] = useDisclosure(false);
  useChord('k', setPalette.open);
  const navigate = useNavigate();
  useSequence('g', {
    c: () => void navigate({ to: '/' }),
    s: () => void navigate({ to: '/search' }),
    a: () => void navigate({ to: '/analytics' }),
    u: () => void navigate({ to: '/users' }),
  });
  // Whoever is signed in need not read that a link has expired, now or after signing out.
  useEffect(() => {
    const url = new URL(window.location.href);
    if (!url.searchParams.has('signin')) return;
    url.searchParams.delete('signin');
    window.history.replaceState(window.history.state, '', url);
  }, []);
  return (
    <>
      <a className={classes.skip} href="#main">
        {text.nav.skip}
      </a>
      <TopBar onShortcuts={open} onPalette={setPalette.open} />
      <main id="main" tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
      <CompareBar />
      <UndoBar />
      {palette && <Palette onClose={setPalette.close} />}
      <ShortcutsDialog opened={shortcuts} onClose={close} />
    </>
  );
}
