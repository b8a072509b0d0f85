// What a router decided, how sure it was, what else it could have chosen, and where the run went on.
import { Link, useLocation } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { SpanDetail, SpanRow } from '../api/types';
import { text } from '../lib/text';
import { decisionOf, wentOnWith } from '../model/decision';
import type { ConversationSearch } from '../router';
import { KindIcon } from './kind-icon';
import classes from './router-decision.module.css';
import { Section } from './section';

const words = text.decision;

function percent(share: number): string {
  return share >= 0 && share <= 1 ? `${Math.round(share * 100)} %` : String(Number(share.toFixed(3)));
}

export function RouterDecision({ span, spans }: { span: SpanDetail; spans: readonly SpanRow[] }) {
  const decision = useMemo(() => decisionOf(span.output), [span.output]);
  const next = useMemo(() => wentOnWith(spans, span), [spans, span]);
  if (!decision) return null;
  const { chosen, confidence, reason, options } = decision;
  const best = Math.max(...options.map(({ score }) => score ?? 0), 0);
  return (
    <Section name="decision" title={words.title}>
      <p className={classes.chosen} data-decision={chosen}>
        <strong>{chosen}</strong>
        {confidence !== null && <span>{words.sure(percent(confidence))}</span>}
      </p>
      {reason && <p className={classes.reason}>{reason}</p>}
      {options.length > 0 && (
        <ul className={classes.options} aria-label={words.options}>
          {options.map(({ name, score }) => (
            <li key={name} data-chosen={name === chosen || undefined}>
              <span>{name}</span>
              {score !== null && (
                <>
                  <span className={classes.bar} aria-hidden>
                    <span style={{ width: `${best > 0 ? Math.max(0, score / best) * 100 : 0}%` }} />
                  </span>
                  <span className="nt-num">{percent(score)}</span>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {next && (
        <p className={classes.next}>
          {words.next} <KindIcon kind={next.kind} size={18} />
          <NextStep next={next} />
        </p>
      )}
    </Section>
  );
}

/** Stays on the page that the router is shown on. */
function NextStep({ next }: { next: SpanRow }) {
  const { trace_id: trace, span_id: step } = next;
  if (useLocation().pathname.startsWith('/traces/')) {
    return (
      <Link to="/traces/$traceId" params={{ traceId: trace }} search={{ step }} replace>
        {next.name}
      </Link>
    );
  }
  return (
    <Link
      to="/conversations/$id"
      params={{ id: next.conversation_id }}
      search={({ view, why }: ConversationSearch) => ({ view, why, trace, step })}
      replace
    >
      {next.name}
    </Link>
  );
}
