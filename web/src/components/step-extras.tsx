// The rest of what is known of a step: facts, events, scores, data, warnings, ids.
import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { CountReason, Event, SpanDetail, Usage } from '../api/types';
import { text } from '../lib/text';
import { FIRST_TOKEN } from '../model/attributes';
import { pretty } from '../model/content';
import { formatAbsolute, formatCost, formatDuration, userName } from '../model/format';
import { parseTime } from '../model/time';
import { countedTokens } from '../model/tokens';
import { useMayEdit } from '../state/queries';
import { useAge } from './ago';
import { CopyButton } from './copy-button';
import { CostSection } from './cost-section';
import { JsonTree } from './json-tree';
import { JudgeForm } from './judge';
import { PatchesSection } from './patches-section';
import { ScoreList } from './score-list';
import { Facts, Section } from './section';
import classes from './step-extras.module.css';

const names = text.step.facts;

function usageText(usage: Usage): string {
  return countedTokens(usage)
    .map(({ kind, count }) => `${text.step.tokenKinds[kind]} ${count.toLocaleString('en-US')}`)
    .join(' · ');
}

export function StepFacts({ span }: { span: SpanDetail }) {
  const age = useAge(span.start_time, span.running);
  const tokens = span.usage ? usageText(span.usage) : '';
  const first = span.attributes[FIRST_TOKEN];
  const user = userName(span.user);
  const source =
    span.source && [span.source.client ?? span.source.protocol, span.source.version].filter(Boolean).join(' ');
  return (
    <Facts
      facts={[
        { name: names.started, value: formatAbsolute(parseTime(span.start_time)) },
        { name: names.duration, value: formatDuration(age ?? span.duration_ms) },
        typeof first === 'number' && { name: text.step.firstToken, value: formatDuration(first * 1000) },
        span.model && { name: names.model, value: span.model },
        span.provider && { name: names.provider, value: span.provider },
        tokens !== '' && { name: text.step.tokens, value: <Counted value={tokens} reason={span.usage_reason} /> },
        span.cost != null && {
          name: names.cost,
          value: <Counted value={formatCost(span.cost)} reason={span.cost_reason} />,
        },
        user !== null && { name: names.user, value: user },
        span.channel_id && { name: names.channel, value: span.channel_id },
        source && { name: names.source, value: <span title={span.source?.protocol}>{source}</span> },
      ]}
    />
  );
}

/** A number, and why it is or is not in the totals. */
function Counted({ value, reason }: { value: string; reason: CountReason }) {
  return (
    <>
      {value} <span className={classes.counted}>{text.step.counted[reason]}</span>
    </>
  );
}

export function StepExtras({ span }: { span: SpanDetail }) {
  return (
    <>
      <CostSection span={span} />
      <Scores span={span} />
      {span.events.length > 0 && (
        <Section name="events" title={text.step.events} count={span.events.length}>
          <div className={classes.stack}>
            {span.events.map((event, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events never change place within a recorded step
              <EventCard key={index} event={event} start={parseTime(span.start_time)} />
            ))}
          </div>
        </Section>
      )}
      <DataSection name="metadata" title={text.step.metadata} value={span.metadata} />
      <DataSection name="custom" title={text.step.custom} value={span.custom} />
      <DataSection name="attributes" title={text.step.attributes} value={span.attributes} />
      {span.links.length > 0 && (
        <Section name="links" title={text.step.links} count={span.links.length}>
          <div className={classes.stack}>
            {span.links.map((link) => (
              <div key={`${link.trace_id}/${link.span_id}`} className={classes.card}>
                <Link
                  to="/traces/$traceId"
                  params={{ traceId: link.trace_id }}
                  search={{ step: link.span_id }}
                  className={classes.link}
                >
                  {link.span_id}
                </Link>
                {Object.keys(link.attributes ?? {}).length > 0 && <JsonTree value={link.attributes} openDepth={1} />}
              </div>
            ))}
          </div>
        </Section>
      )}
      {span.warnings.length > 0 && (
        <Section name="warnings" title={text.step.warnings} count={span.warnings.length}>
          <ul className={classes.warnings}>
            {span.warnings.map((warning) => (
              <li key={`${warning.code} ${warning.message}`}>
                <IconAlertTriangle size={15} stroke={2} aria-hidden />
                <span>
                  {warning.message} <code>{warning.code}</code>
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section name="ids" title={text.step.ids}>
        <Ids
          ids={[
            { name: text.step.idNames.conversation, value: span.conversation_id },
            { name: text.step.idNames.trace, value: span.trace_id },
            { name: text.step.idNames.span, value: span.span_id },
            { name: text.step.idNames.parent, value: span.parent_id },
            { name: text.step.idNames.session, value: span.session_id, page: 'session' },
            { name: text.step.idNames.channel, value: span.channel_id, page: 'channel' },
            { name: text.step.idNames.user, value: span.user?.id, page: 'user' },
          ]}
        />
        <div className={classes.received}>
          <Facts
            facts={[
              span.end_time != null && { name: names.ended, value: formatAbsolute(parseTime(span.end_time)) },
              { name: names.received, value: formatAbsolute(parseTime(span.received_at)) },
            ]}
          />
        </div>
      </Section>
      <PatchesSection span={span} />
    </>
  );
}

function Scores({ span }: { span: SpanDetail }) {
  const mayJudge = useMayEdit();
  const [judging, setJudging] = useState(false);
  const { trace_id, span_id, conversation_id } = span;
  if (span.scores.length === 0 && !mayJudge) return null;
  return (
    <Section
      name="scores"
      title={text.step.scores}
      count={span.scores.length}
      actions={
        mayJudge && (
          <Button size="compact-xs" variant="default" aria-expanded={judging} onClick={() => setJudging(!judging)}>
            {text.judging.submit}
          </Button>
        )
      }
    >
      {span.scores.length > 0 && (
        <ScoreList scores={span.scores.map((score) => ({ ...score, trace_id, span_id, conversation_id }))} />
      )}
      {judging && (
        <div className={classes.judge}>
          <JudgeForm targets={[{ trace: trace_id, span: span_id }]} onDone={() => setJudging(false)} />
        </div>
      )}
    </Section>
  );
}

/** Exceptions are events with the fields of OpenTelemetry's conventions. */
function EventCard({ event, start }: { event: Event; start: number | null }) {
  const {
    'exception.type': type,
    'exception.message': message,
    'exception.stacktrace': stack,
    ...rest
  } = event.attributes ?? {};
  const time = parseTime(event.time);
  return (
    <div className={classes.card} data-error={event.name === 'exception' || undefined}>
      <div className={classes.eventHead}>
        <strong>{typeof type === 'string' ? type : event.name}</strong>
        {time !== null && start !== null && time >= start && <span>+{formatDuration(time - start)}</span>}
      </div>
      {message !== undefined && <p className={classes.message}>{pretty(message)}</p>}
      {stack !== undefined && (
        <details>
          <summary>{text.step.stackTrace}</summary>
          <pre className={classes.stackTrace} tabIndex={0}>
            {pretty(stack)}
          </pre>
        </details>
      )}
      {Object.keys(rest).length > 0 && <JsonTree value={rest} openDepth={1} bare />}
    </div>
  );
}

export function DataSection({ name, title, value }: { name: string; title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object' && Object.keys(value).length === 0) return null;
  const count = typeof value === 'object' ? Object.keys(value).length : undefined;
  return (
    <Section
      name={name}
      title={title}
      count={count}
      actions={<CopyButton value={() => pretty(value)} label={`${text.content.copy}: ${title}`} />}
    >
      <JsonTree value={value} openDepth={name === 'attributes' ? 1 : 2} bare />
    </Section>
  );
}

/** Pages of what an id is of. */
const PAGES = { user: '/users/$id', session: '/sessions/$id', channel: '/channels/$id' } as const;

interface Id {
  name: string;
  value: string | null | undefined;
  /** Whose page the id leads to. */
  page?: keyof typeof PAGES;
}

export function Ids({ ids }: { ids: Id[] }) {
  return (
    <dl className={classes.ids}>
      {ids
        .filter((id): id is Id & { value: string } => Boolean(id.value))
        .map((id) => (
          <div key={`${id.name} ${id.value}`} className={classes.id}>
            <dt>{id.name}</dt>
            <dd>
              {id.page ? (
                <Link to={PAGES[id.page]} params={{ id: id.value }} className={classes.link} title={id.value}>
                  {id.value}
                </Link>
              ) : (
                <span className="nt-mono" title={id.value}>
                  {id.value}
                </span>
              )}
              <CopyButton value={() => id.value} label={`${text.conversation.copyId}: ${id.name}`} size={22} />
            </dd>
          </div>
        ))}
    </dl>
  );
}
