// The head of a conversation or trace: who, where, and the sums over all steps.
import { ActionIcon } from '@mantine/core';
import { IconArrowLeft, IconLink } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ConversationRow, TraceRow } from '../api/types';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { formatCost, formatCount, formatDuration, plural, totalTokens } from '../model/format';
import { lastList } from '../state/last-list';
import { Ago, useAge } from './ago';
import { CompareButton } from './compare-button';
import { CopyButton } from './copy-button';
import { JudgeButton } from './judge';
import { ErrorBadge, Feedback, Running, ScoreSums } from './signals';
import classes from './totals-header.module.css';
import { WhyButton } from './why-button';

interface Props {
  totals: ConversationRow | TraceRow;
  lead: ReactNode;
  title: string;
  id: string;
  tags?: ReactNode;
  actions?: ReactNode;
  /** Whether the totals are explained beside it. */
  why: boolean;
  onWhy: () => void;
}

export function TotalsHeader({ totals, lead, title, id, tags, actions, why, onWhy }: Props) {
  const age = useAge(totals.start_time, totals.running);
  const tokens = totalTokens(totals.usage);
  const isTrace = 'trace_id' in totals;
  const target = isTrace ? { trace: totals.trace_id } : { conversation: totals.conversation_id };
  return (
    <header className={classes.header}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={32}
        aria-label={text.conversation.back}
        // The key leads from a trace to its conversation first.
        title={isTrace ? text.conversation.back : `${text.conversation.back} (Esc)`}
        renderRoot={(props) => <Link to="/" search={lastList()} {...props} />}
      >
        <IconArrowLeft size={19} stroke={1.8} />
      </ActionIcon>
      {lead}
      <div className={classes.who}>
        <div className={classes.line}>
          <h1 className={classes.title} title={title}>
            {title}
          </h1>
          {totals.channel_id && (
            <span className={classes.tag} title={totals.channel_id}>
              {totals.channel_id}
            </span>
          )}
          {tags}
          {totals.running && <Running />}
          <ErrorBadge count={totals.errors} />
          <Feedback counts={totals.feedback} />
          <ScoreSums scores={totals.scores} />
        </div>
        <div className={classes.facts}>
          <span className={classes.id}>
            <span className="nt-mono" title={id}>
              {id}
            </span>
            <CopyButton value={() => id} label={text.conversation.copyId} size={20} />
          </span>
          {totals.session_ids.length > 0 && (
            <span className={classes.session} title={totals.session_ids.join('\n')}>
              {totals.session_ids.length === 1
                ? `${text.conversation.session} ${isolated(totals.session_ids[0] ?? '')}`
                : `${totals.session_ids.length} ${text.conversation.sessions.toLowerCase()}`}
            </span>
          )}
          <Ago time={totals.last_time} />
          <span>{plural(totals.turns, 'turn')}</span>
          <span>{plural(totals.spans, 'step')}</span>
          <span>{formatDuration(age ?? totals.duration_ms)}</span>
          {tokens !== null && <span>{text.tokens(formatCount(tokens))}</span>}
          {totals.cost != null && <span>{formatCost(totals.cost)}</span>}
          {(tokens !== null || totals.cost != null) && <WhyButton open={why} onToggle={onWhy} />}
          {totals.models.length > 0 && (
            <span className={classes.models} title={totals.models.join('\n')}>
              {totals.models.join(', ')}
            </span>
          )}
        </div>
      </div>
      <div className={classes.actions}>
        <span className={classes.own}>{actions}</span>
        <JudgeButton target={target} />
        <CompareButton thing={target} title={title} size={32} />
        <CopyButton
          value={() => window.location.href}
          label={text.conversation.copyLink}
          icon={<IconLink size={18} stroke={1.7} />}
          size={32}
        />
      </div>
    </header>
  );
}
