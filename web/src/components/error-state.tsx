// What is shown instead of a page that could not be loaded, is not there, or broke.
import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { text } from '../lib/text';
import classes from './states.module.css';

export function Centered({ children, role }: { children: ReactNode; role?: 'alert' | 'status' }) {
  return (
    <div className={classes.centered} role={role}>
      {children}
    </div>
  );
}

function reason(error: unknown): string {
  if (error instanceof ApiError) return error.status === 0 ? text.errors.offline : error.message;
  return error instanceof Error ? error.message : String(error);
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <Centered role="alert">
      <IconAlertTriangle className={classes.icon} size={32} stroke={1.6} aria-hidden />
      <h2 className={classes.title}>{text.errors.title}</h2>
      <p className={classes.words}>{reason(error)}</p>
      <Button variant="default" onClick={onRetry}>
        {text.errors.retry}
      </Button>
    </Centered>
  );
}

export function Missing({ title, help }: { title: string; help?: string }) {
  return (
    <Centered>
      <h1 className={classes.title}>{title}</h1>
      {help && <p className={classes.words}>{help}</p>}
      <Button variant="default" component={Link} to="/">
        {text.errors.home}
      </Button>
    </Centered>
  );
}

export function NotFound() {
  return <Missing title={text.errors.notFound} />;
}

/** A defect of the page itself. */
export function Crash({ error }: { error: unknown }) {
  return (
    <Centered role="alert">
      <IconAlertTriangle className={classes.icon} size={32} stroke={1.6} aria-hidden />
      <h1 className={classes.title}>{text.errors.crash}</h1>
      <p className={classes.words}>{reason(error)}</p>
      <Button variant="default" onClick={() => window.location.reload()}>
        {text.errors.reload}
      </Button>
    </Centered>
  );
}
