// The bar at the top: where one is, whether what one sees is fresh, and the way out.
import { ActionIcon } from '@mantine/core';
import {
  IconChartBar,
  IconCommand,
  IconKeyboard,
  IconLogout,
  IconMessages,
  IconPlugConnected,
  IconSearch,
  IconSettings,
  IconUsers,
} from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { api } from '../api/client';
import { text } from '../lib/text';
import { useLiveState } from '../state/live';
import { changeSession, useLag, useSession } from '../state/queries';
import { Mark } from './mark';
import { ThemeToggle } from './theme-toggle';
import classes from './top-bar.module.css';

interface Props {
  onShortcuts: () => void;
  onPalette: () => void;
}

export function TopBar({ onShortcuts, onPalette }: Props) {
  const { data: session } = useSession();
  return (
    <header className={classes.bar}>
      <Link to="/" className={classes.brand} aria-label={text.product}>
        <Mark size={24} />
        <span className={classes.name}>{text.product}</span>
      </Link>
      {session && (
        <span className={classes.project} title={`${text.nav.project}: ${session.project}`}>
          {session.project}
        </span>
      )}
      <nav aria-label={text.nav.label} className={classes.nav}>
        <Link to="/" className={classes.tab} activeOptions={{ exact: true, includeSearch: false }}>
          <IconMessages size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.conversations}</span>
        </Link>
        <Link to="/search" className={classes.tab} activeOptions={{ includeSearch: false }}>
          <IconSearch size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.search}</span>
        </Link>
        <Link to="/users" className={classes.tab} activeOptions={{ includeSearch: false }}>
          <IconUsers size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.users}</span>
        </Link>
        <Link to="/analytics" className={classes.tab} activeOptions={{ includeSearch: false }}>
          <IconChartBar size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.analytics}</span>
        </Link>
        <Link to="/connect" className={classes.tab}>
          <IconPlugConnected size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.connect}</span>
        </Link>
        <Link to="/settings" className={classes.tab} activeOptions={{ includeSearch: false }}>
          <IconSettings size={16} stroke={1.8} aria-hidden />
          <span className={classes.tabName}>{text.nav.settings}</span>
        </Link>
      </nav>
      <span className={classes.space} />
      <Freshness />
      <ActionIcon
        className={classes.palette}
        variant="subtle"
        color="gray"
        size={32}
        aria-label={text.nav.goTo}
        title={`${text.nav.goTo} (Ctrl K)`}
        onClick={onPalette}
      >
        <IconCommand size={18} stroke={1.7} />
      </ActionIcon>
      <ThemeToggle />
      <ActionIcon
        className={classes.keyboard}
        variant="subtle"
        color="gray"
        size={32}
        aria-label={text.nav.shortcuts}
        title={`${text.nav.shortcuts} (?)`}
        onClick={onShortcuts}
      >
        <IconKeyboard size={18} stroke={1.7} />
      </ActionIcon>
      {session?.member && (
        <span className={classes.who} title={text.nav.signedIn(session.member)}>
          {session.member}
        </span>
      )}
      <SignOut />
    </header>
  );
}

function Freshness() {
  const lag = useLag();
  const state = useLiveState();
  if (state === 'lost') {
    return (
      <span className={classes.fresh} data-state="lost" role="status" title={text.nav.reconnectingHint}>
        <span className="nt-pulse" />
        <span className={classes.freshWords}>{text.nav.reconnecting}</span>
      </span>
    );
  }
  if (lag > 0) {
    return (
      <span className={classes.fresh} data-state="lag" role="status" title={text.nav.lagHint}>
        <span className="nt-pulse" />
        <span className={classes.freshWords}>{text.nav.lag(lag.toLocaleString('en-US'))}</span>
      </span>
    );
  }
  return (
    <span className={classes.fresh} data-state={state} title={text.nav.liveHint}>
      <span className={classes.dot} />
      <span className={classes.freshWords}>{text.nav.live}</span>
    </span>
  );
}

function SignOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    try {
      await api.signOut();
    } catch {
      // Whatever the server says, this browser is to forget; the cookie decides on the next request anyway.
    }
    await navigate({ to: '/' });
    await changeSession(client, null);
  };
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={32}
      aria-label={text.nav.signOut}
      title={text.nav.signOut}
      onClick={() => void signOut()}
    >
      <IconLogout size={18} stroke={1.7} />
    </ActionIcon>
  );
}
