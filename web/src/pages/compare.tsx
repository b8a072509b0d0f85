// Two conversations, traces or steps beside each other: what they share, where they part, and what differs.
import { Button } from '@mantine/core';
import { IconArrowsExchange } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { ApiError } from '../api/client';
import { Ago } from '../components/ago';
import classes from '../components/compare.module.css';
import { CompareSection } from '../components/compare-rows';
import { CompareFields, CompareNumbers } from '../components/compare-summary';
import { CopyButton } from '../components/copy-button';
import { ErrorState, Missing } from '../components/error-state';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { text } from '../lib/text';
import { kindOf, searchOf, sideOf, type Thing } from '../model/compare';
import { compareRoute } from '../router';
import { isComparable, useComparison, useNamed } from '../state/compare';

const words = text.compare;
const SECTIONS = ['turns', 'steps', 'input', 'output'] as const;

export function ComparePage() {
  const search = compareRoute.useSearch();
  const navigate = useNavigate({ from: '/compare' });
  const { data, error, refetch } = useComparison(search);
  useEffect(() => {
    document.title = `${words.title} · ${text.product}`;
  }, []);
  if (!isComparable(search)) return <Missing title={words.nothing} help={words.nothingHelp} />;
  if (error instanceof ApiError && error.status === 404) return <Missing title={words.notFound} help={error.message} />;
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!data) return <TranscriptSkeleton />;
  const [left, right] = [sideOf(search, 'left'), sideOf(search, 'right')];
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={words.title}>
      <div className={classes.page}>
        <header className={classes.head}>
          <h1 className={classes.title}>{words.title}</h1>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconArrowsExchange size={15} />}
            onClick={() => void navigate({ search: searchOf(right, left), replace: true })}
          >
            {words.swap}
          </Button>
          <CopyButton value={() => window.location.href} label={text.conversation.copyLink} size={30} />
        </header>
        <div className={classes.things}>
          <ThingCard side="left" thing={left} />
          <ThingCard side="right" thing={right} />
        </div>
        {data.truncated && (
          <p className={classes.note} role="status">
            {words.truncated}
          </p>
        )}
        {SECTIONS.map((name) => {
          const aligned = data[name];
          return aligned && <CompareSection key={name} name={name} aligned={aligned} />;
        })}
        <CompareNumbers numbers={data.numbers} />
        <CompareFields fields={data.fields} />
      </div>
    </div>
  );
}

function ThingCard({ side, thing }: { side: 'left' | 'right'; thing: Thing }) {
  const { data } = useNamed(thing);
  const kind = kindOf(thing);
  const title = data?.title ?? thing.step ?? thing.trace ?? thing.conversation ?? '';
  return (
    <div className={classes.thing} data-side={side} data-thing={thing.step ?? thing.trace ?? thing.conversation}>
      <small>
        {words.sides[side]} · {kind && words.kinds[kind]} · {data?.time && <Ago time={data.time} />}
      </small>
      {thing.trace ? (
        <Link to="/traces/$traceId" params={{ traceId: thing.trace }} search={{ step: thing.step }}>
          {title}
        </Link>
      ) : (
        <Link to="/conversations/$id" params={{ id: thing.conversation ?? '' }}>
          {title}
        </Link>
      )}
      {data?.about && <p>{data.about}</p>}
    </div>
  );
}
