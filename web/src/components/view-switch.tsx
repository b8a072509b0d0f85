// The ways to look at a conversation; the address keeps the one that is chosen.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { text } from '../lib/text';
import { conversationRoute, type StepSearch, VIEWS } from '../router';
import classes from './view-switch.module.css';

export function ViewSwitch({ note }: { note?: ReactNode }) {
  const { id } = conversationRoute.useParams();
  return (
    <div className={classes.line}>
      <nav className={classes.views} aria-label={text.conversation.view}>
        {VIEWS.map((name) => (
          <Link
            key={name}
            to="/conversations/$id"
            params={{ id }}
            search={(before: StepSearch) => ({ ...before, view: name === 'transcript' ? undefined : name })}
            className={classes.view}
            activeOptions={{ exact: true, includeSearch: true }}
            replace
          >
            {text.conversation.views[name]}
          </Link>
        ))}
      </nav>
      {note && (
        <span className={classes.note} role="status">
          {note}
        </span>
      )}
    </div>
  );
}
