// The ways to look at a conversation; the address keeps the one that is chosen.
import { Link } from '@tanstack/react-router';
import { text } from '../lib/text';
import { conversationRoute, type StepSearch, VIEWS } from '../router';
import classes from './view-switch.module.css';

export function ViewSwitch() {
  const { id } = conversationRoute.useParams();
  return (
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
  );
}
