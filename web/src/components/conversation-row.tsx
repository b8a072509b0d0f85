// One conversation in the list, and the columns that it can have. The whole row is a link.
import { Link } from '@tanstack/react-router';
import { type CSSProperties, memo, type ReactNode } from 'react';
import type { ConversationRow as Row } from '../api/types';
import { text } from '../lib/text';
import {
  formatAbsolute,
  formatCost,
  formatCount,
  formatDuration,
  plural,
  totalTokens,
  userName,
} from '../model/format';
import { plainWords } from '../model/plain-words';
import { parseTime } from '../model/time';
import { Ago, useAge } from './ago';
import { Avatar } from './avatar';
import classes from './conversation-list.module.css';
import { ErrorBadge, Feedback, Running, ScoreSums } from './signals';

export interface Column {
  name: keyof typeof text.list.columns;
  width: string;
  /** The class of its cells. */
  look: string;
  /** Left out where there is little room. */
  wide?: boolean;
}

/** All columns, in the order of the page. */
export const COLUMNS: readonly Column[] = [
  { name: 'user', width: 'minmax(110px, 2.2fr)', look: 'user' },
  { name: 'words', width: 'minmax(140px, 4.6fr)', look: 'words' },
  { name: 'channel', width: 'minmax(64px, 0.9fr)', look: 'channel', wide: true },
  { name: 'session', width: 'minmax(56px, 0.9fr)', look: 'extra', wide: true },
  { name: 'turns', width: '70px', look: 'number' },
  { name: 'signals', width: 'minmax(86px, 0.9fr)', look: 'signals' },
  { name: 'model', width: 'minmax(124px, 1.3fr)', look: 'model', wide: true },
  { name: 'tokens', width: '64px', look: 'extra', wide: true },
  { name: 'cost', width: '72px', look: 'extra', wide: true },
  { name: 'scores', width: 'minmax(80px, 1fr)', look: 'signals', wide: true },
  { name: 'time', width: '92px', look: 'time' },
];

/** The widths of the columns, with and without those for which there may be no room. */
export function gridOf(columns: readonly Column[], pickable: boolean): CSSProperties {
  const widths = (shown: readonly Column[]) => [pickable ? '16px' : '', ...shown.map(({ width }) => width)].join(' ');
  return {
    '--columns': widths(columns),
    '--columns-narrow': widths(columns.filter(({ wide }) => !wide)),
  } as CSSProperties;
}

interface Props {
  row: Row;
  index: number;
  columns: readonly Column[];
  selected: boolean;
  arrived: boolean;
  onSelect: (id: string) => void;
  picked?: boolean | undefined;
  onPick?: ((id: string) => void) | undefined;
}

export const ConversationRow = memo(function ConversationRow(props: Props) {
  const { row, index, columns, selected, arrived, picked, onPick } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={classes.row}
      data-selected={selected || undefined}
      data-arrived={arrived || undefined}
      title={wholeOf(row)}
    >
      {onPick && (
        <div role="cell" className={classes.pick}>
          <input
            type="checkbox"
            tabIndex={-1}
            checked={picked ?? false}
            aria-label={text.selection.select(said(row.first_words) ?? row.conversation_id)}
            onChange={() => onPick(row.conversation_id)}
          />
        </div>
      )}
      {columns.map(({ name, look }) => (
        <div key={name} role="cell" className={classes[look]}>
          {CELLS[name]?.(props)}
        </div>
      ))}
    </div>
  );
});

/** What was said, in plain words; null where nothing was. */
function said(words: string | null | undefined): string | null {
  return words == null ? null : plainWords(words);
}

/** All that there may be no room for. The row says it when one rests on it, as the link lies over all of its cells. */
function wholeOf(row: Row): string {
  const { user, first_words, last_words, channel_id, session_ids, models, last_time } = row;
  const name = userName(user) ?? text.list.anonymous;
  const lines = [said(first_words), said(last_words), name, channel_id, session_ids.join(', '), models.join(', ')];
  return [...lines, formatAbsolute(parseTime(last_time))].filter(Boolean).join('\n');
}

const CELLS: Partial<Record<Column['name'], (props: Props) => ReactNode>> = {
  user: ({ row }) => {
    const name = userName(row.user);
    const second = name === row.user?.id ? null : row.user?.id;
    return (
      <>
        <Avatar user={row.user} />
        <span className={classes.stack}>
          <span className={classes.main}>{name ?? text.list.anonymous}</span>
          {second && <span className={classes.sub}>{second}</span>}
        </span>
      </>
    );
  },
  words: ({ row, index, selected, onSelect }) => (
    <>
      <Link
        to="/conversations/$id"
        params={{ id: row.conversation_id }}
        className={classes.link}
        data-conversation={row.conversation_id}
        tabIndex={selected || index === 0 ? 0 : -1}
        onFocus={() => onSelect(row.conversation_id)}
      >
        {said(row.first_words) ?? <span className={classes.quiet}>{text.list.noWords}</span>}
      </Link>
      {row.last_words && <span className={classes.sub}>{said(row.last_words)}</span>}
    </>
  ),
  channel: ({ row }) => row.channel_id && <span className={classes.tag}>{row.channel_id}</span>,
  session: ({ row }) => row.session_ids.join(', '),
  turns: ({ row }) => (
    <>
      <span className={classes.main}>{plural(row.turns, 'turn')}</span>
      <span className={classes.sub}>{plural(row.spans, 'step')}</span>
    </>
  ),
  signals: ({ row }) => (
    <>
      {row.running && <Running />}
      <ErrorBadge count={row.errors} />
      <Feedback counts={row.feedback} />
    </>
  ),
  model: ({ row, columns }) => {
    const tokens = totalTokens(row.usage);
    // What has a column of its own need not be said twice.
    const has = (name: Column['name']) => columns.some((column) => column.name === name);
    const spent = [
      row.cost != null && !has('cost') && formatCost(row.cost),
      tokens !== null && !has('tokens') && text.tok(formatCount(tokens)),
    ].filter(Boolean);
    return (
      <>
        <span className={classes.main}>{row.models.join(', ')}</span>
        {spent.length > 0 && <span className={classes.sub}>{spent.join(' · ')}</span>}
      </>
    );
  },
  tokens: ({ row }) => {
    const tokens = totalTokens(row.usage);
    return tokens !== null && formatCount(tokens);
  },
  cost: ({ row }) => row.cost != null && formatCost(row.cost),
  scores: ({ row }) => <ScoreSums scores={row.scores} />,
  time: ({ row }) => <Time row={row} />,
};

function Time({ row }: { row: Row }) {
  const age = useAge(row.start_time, row.running);
  return (
    <>
      <Ago time={row.last_time} className={classes.main} />
      <span className={classes.sub}>{formatDuration(age ?? row.duration_ms)}</span>
    </>
  );
}
