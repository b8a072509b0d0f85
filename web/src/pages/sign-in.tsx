// Signing in with a key, and how to get a link instead.
import { Button, PasswordInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ApiError, api } from '../api/client';
import type { Session } from '../api/types';
import { Mark } from '../components/mark';
import { ThemeToggle } from '../components/theme-toggle';
import { text } from '../lib/text';
import classes from './sign-in.module.css';

/** The server sends a spent sign-in link to `/?signin=expired`. */
function linkExpired(): boolean {
  return new URLSearchParams(window.location.search).get('signin') === 'expired';
}

interface Props {
  /** The key of an invitation; empty where none was followed. */
  invitation: string;
  onSignedIn: (session: Session) => void;
}

export function SignIn({ invitation, onSignedIn }: Props) {
  const [key, setKey] = useState(invitation);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const words = text.signIn;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!key.trim()) {
      setError(words.missing);
      return;
    }
    setBusy(true);
    setError(null);
    try {
      onSignedIn(await api.signIn(key.trim()));
    } catch (failure) {
      const wrong = failure instanceof ApiError && (failure.status === 401 || failure.status === 403);
      setError(wrong ? words.wrong : failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };

  return (
    <div className={classes.page}>
      <div className={classes.corner}>
        <ThemeToggle />
      </div>
      <main className={classes.card}>
        <div className={classes.brand}>
          <Mark size={44} />
          <h1 className={classes.name}>{text.product}</h1>
          <p className={classes.claim}>{text.claim}</p>
        </div>
        {linkExpired() && (
          <p className={classes.expired} role="alert">
            <strong>{words.expired}</strong> {words.expiredHelp[0]} <code>{words.expiredHelp[1]}</code>
            {words.expiredHelp[2]}
          </p>
        )}
        {invitation && (
          <p className={classes.invited}>
            <strong>{words.invited}</strong> {words.invitedHelp}
          </p>
        )}
        <form onSubmit={(event) => void submit(event)} className={classes.form} noValidate>
          <PasswordInput
            label={words.key}
            placeholder={words.keyPlaceholder}
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={error}
            autoComplete="current-password"
            autoFocus
            size="md"
            classNames={{ innerInput: 'nt-mono', label: classes.label }}
          />
          <Button type="submit" size="md" loading={busy} fullWidth>
            {words.submit}
          </Button>
        </form>
        {!invitation && (
          <div className={classes.help}>
            <p>{words.help[0]}</p>
            <code className={classes.command}>$ {words.command}</code>
            <p>{words.note}</p>
          </div>
        )}
      </main>
    </div>
  );
}
