// One conversation in the list. The whole row is a link.
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { ConversationRow as Row } from '../api/types';
import { text } from '../lib/text';
import { formatCost, formatCount, formatDuration, plural, totalTokens, userName } from '../model/format';
import { Ago, useAge } from './ago';
import { Avatar } from './avatar';
import classes from './conversation-list.module.css';
import { ErrorBadge, Feedback, Running } from './signals';

interface Props {
  row: Row;
  index: number;
  selected: boolean;
  arrived: boolean;
  onSelect: (id: string) => void;
}

export const ConversationRow = memo(function ConversationRow({ row, index, selected, arrived, onSelect }: Props) {
  const name = userName(row.user);
  const tokens = totalTokens(row.usage);
  const age = useAge(row.start_time, row.running);
  const second = name === row.user?.id ? null : row.user?.id;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={classes.row}
      data-selected={selected || undefined}
      data-arrived={arrived || undefined}
    >
      <div role="cell" className={classes.user}>
        <Avatar user={row.user} />
        <span className={classes.stack}>
          <span className={classes.main}>{name ?? text.list.anonymous}</span>
          {second && <span className={classes.sub}>{second}</span>}
        </span>
      </div>
      <div role="cell" className={classes.words}>
        <Link
          to="/conversations/$id"
          params={{ id: row.conversation_id }}
          className={classes.link}
          data-conversation={row.conversation_id}
          tabIndex={selected || index === 0 ? 0 : -1}
          onFocus={() => onSelect(row.conversation_id)}
        >
          {row.first_words ?? <span className={classes.quiet}>{text.list.noWords}</span>}
        </Link>
        {row.last_words && <span className={classes.sub}>{row.last_words}</span>}
      </div>
      <div role="cell" className={classes.channel}>
        {row.channel_id && <span className={classes.tag}>{row.channel_id}</span>}
      </div>
      <div role="cell" className={classes.number}>
        <span className={classes.main}>{plural(row.turns, 'turn')}</span>
        <span className={classes.sub}>{plural(row.spans, 'step')}</span>
      </div>
      <div role="cell" className={classes.signals}>
        {row.running && <Running />}
        <ErrorBadge count={row.errors} />
        <Feedback counts={row.feedback} />
      </div>
      <div role="cell" className={classes.model}>
        <span className={classes.main}>{row.models.join(', ')}</span>
        {(tokens !== null || row.cost != null) && (
          <span className={classes.sub}>
            {[tokens !== null && `${formatCount(tokens)} tokens`, row.cost != null && formatCost(row.cost)]
              .filter(Boolean)
              .join(' · ')}
          </span>
        )}
      </div>
      <div role="cell" className={classes.time}>
        <Ago time={row.last_time} className={classes.main} />
        <span className={classes.sub}>{formatDuration(age ?? row.duration_ms)}</span>
      </div>
    </div>
  );
});
