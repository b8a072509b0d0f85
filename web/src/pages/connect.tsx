// How to send from each client, with a key in the lines, and whether something has come since the page was opened.
import { Button } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import button from '../components/button.module.css';
import { CopyButton } from '../components/copy-button';
import classes from '../components/form.module.css';
import { Problem } from '../components/problem';
import { text } from '../lib/text';
import { CLIENTS } from '../model/clients';
import { connectRoute } from '../router';
import { useChanges } from '../state/live';
import { useSession } from '../state/queries';
import { useMakeKey } from '../state/settings';

const words = text.connect;
const PLACEHOLDER = 'nt_...';
const FormattedText = lazy(() => import('../components/markdown'));

export function ConnectPage() {
  const { data: session } = useSession();
  const { client: wanted } = connectRoute.useSearch();
  const navigate = useNavigate({ from: '/connect' });
  const makeKey = useMakeKey();
  const [heard, setHeard] = useState<string | null>(null);
  useChanges((changes) => {
    const [conversation] = changes.conversations;
    if (conversation !== undefined) setHeard(conversation);
  });
  useEffect(() => {
    document.title = `${words.title} · ${text.product}`;
  }, []);
  const client = CLIENTS.find(({ name }) => name === wanted) ?? CLIENTS[0]!;
  const key = makeKey.data?.key ?? PLACEHOLDER;
  const lines = client.lines(window.location.origin, key);
  return (
    <div className={classes.scroll}>
      <div className={classes.page}>
        <h1 className={classes.title}>{words.title}</h1>
        <p className={classes.help}>{words.help}</p>
        <div className={classes.clients} role="group" aria-label={words.client}>
          {CLIENTS.map(({ name }) => (
            <button
              key={name}
              type="button"
              className={button.small}
              aria-pressed={name === client.name}
              onClick={() => void navigate({ search: { client: name }, replace: true })}
            >
              {name}
            </button>
          ))}
        </div>
        <section className={classes.card} aria-label={client.name}>
          <h2>{client.name}</h2>
          <Suspense>
            <FormattedText text={client.intro} />
          </Suspense>
          <p className={classes.help}>{words.paste(client.language)}</p>
          <div className={classes.code}>
            <pre tabIndex={0}>
              <code>{lines}</code>
            </pre>
            <div>
              <CopyButton value={() => lines} label={words.copy} />
            </div>
          </div>
          {session?.scope === 'admin' ? (
            <div className={classes.row}>
              <Button
                variant="default"
                size="xs"
                loading={makeKey.isPending}
                disabled={makeKey.isSuccess}
                onClick={() => makeKey.mutate({ project: session.project, scope: 'ingest' })}
              >
                {makeKey.isSuccess ? words.keyMade : words.makeKey}
              </Button>
            </div>
          ) : (
            <p className={classes.help}>{words.askForKey}</p>
          )}
          <Problem error={makeKey.error} />
        </section>
        <section className={classes.card} aria-label={words.check}>
          <p className={classes.heard} data-yes={heard !== null || undefined} role="status">
            {heard === null ? (
              <>
                <span className="nt-pulse" aria-hidden />
                {words.waiting}
              </>
            ) : (
              <>
                <IconCheck size={18} stroke={2.2} aria-hidden />
                {words.heard}{' '}
                <Link to="/conversations/$id" params={{ id: heard }}>
                  {words.open}
                </Link>
              </>
            )}
          </p>
        </section>
        <section className={classes.card} aria-label={words.more(client.name)}>
          <Suspense>
            <FormattedText text={client.rest(window.location.origin, key)} />
          </Suspense>
        </section>
      </div>
    </div>
  );
}
