// The frame of every page: top bar, the page below it, and the shortcuts that work everywhere.
import { useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Outlet } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useKeys } from '../lib/keys';
import { text } from '../lib/text';
import classes from './root-layout.module.css';
import { ShortcutsDialog } from './shortcuts-dialog';
import { nextScheme } from './theme-toggle';
import { TopBar } from './top-bar';

export function RootLayout() {
  const [shortcuts, { open, close }] = useDisclosure(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  useKeys({
    '?': open,
    t: () => setColorScheme(nextScheme(colorScheme)),
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
      <TopBar onShortcuts={open} />
      <main id="main" tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
      <ShortcutsDialog opened={shortcuts} onClose={close} />
    </>
  );
}
