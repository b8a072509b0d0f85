// The values of the list beside it, with their counts. A click narrows the list to one, with Alt it leaves it out.
import { ActionIcon } from '@mantine/core';
import { IconCircleMinus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { ConversationFilter } from '../api/client';
import { text } from '../lib/text';
import { hasCondition, type Stand, standOf, toggled, withStand } from '../model/query';
import { useFacet } from '../state/queries';
import button from './button.module.css';
import classes from './facet-panel.module.css';

/** Values that are shown at first, and once more are wanted. */
const SHOWN = 8;
const MORE = 100;
/** Different numbers of judgements of a conversation that are counted. */
const COUNTS = 50;
const words = text.facets;
/** The field as the API calls it, and as a query does. */
const FACETS = [
  {
    field: 'has_error',
    name: 'has_error',
    title: words.errors,
    labelOf: (value: string) => words.hasError[value] ?? value,
  },
  { field: 'channel_id', name: 'channel', title: text.list.channel },
  { field: 'model', name: 'model', title: text.list.model },
  { field: 'user_id', name: 'user', title: text.list.user },
] as const;

interface Props {
  filter: ConversationFilter;
  /** Whether the list could be read, so that a mistake in the query is not asked about again. */
  ready: boolean;
  onQuery: (query: string) => void;
  /** Names of users by id, as far as they are known. */
  userNames: ReadonlyMap<string, string>;
  /** Where it lies over the list: closes it. */
  onClose?: (() => void) | undefined;
}

export function FacetPanel({ filter, ready, onQuery, userNames, onClose }: Props) {
  return (
    <aside className={classes.panel} aria-label={words.title} tabIndex={0} data-over={onClose ? true : undefined}>
      {onClose && (
        <ActionIcon
          className={classes.close}
          variant="subtle"
          color="gray"
          size={30}
          aria-label={words.hide}
          title={words.hide}
          onClick={onClose}
        >
          <IconX size={17} stroke={1.8} />
        </ActionIcon>
      )}
      {FACETS.map((facet) => (
        <Facet
          key={facet.field}
          {...facet}
          labelOf={
            facet.field === 'user_id'
              ? (id: string) => userNames.get(id) ?? id
              : 'labelOf' in facet
                ? facet.labelOf
                : undefined
          }
          filter={filter}
          ready={ready}
          onQuery={onQuery}
        />
      ))}
      <Judged filter={filter} ready={ready} onQuery={onQuery} />
      <p className={classes.hint}>{words.hint}</p>
    </aside>
  );
}

/** What users thought: the conversations with at least one approval or disapproval. */
function Judged({ filter, ready, onQuery }: Pick<Props, 'filter' | 'ready' | 'onQuery'>) {
  const negative = useFacet('feedback.negative', ready, { filter, limit: COUNTS });
  const positive = useFacet('feedback.positive', ready, { filter, limit: COUNTS });
  const query = filter.q ?? '';
  const rows = [
    { name: 'feedback.negative', label: text.feedback.negative, data: negative.data },
    { name: 'feedback.positive', label: text.feedback.positive, data: positive.data },
  ].map((row) => ({ ...row, count: countAbove(row.data?.items ?? []), condition: `${row.name}:>0` }));
  const shown = rows.filter(({ count, condition }) => count > 0 || hasCondition(query, condition));
  if (shown.length === 0) return null;
  return (
    <section className={classes.facet} aria-label={words.feedback}>
      <h2>{words.feedback}</h2>
      <ul>
        {shown.map(({ name, label, count, condition }) => (
          <li key={name} className={classes.value} data-stand={hasCondition(query, condition) ? 'only' : undefined}>
            <button
              type="button"
              className={classes.add}
              aria-pressed={hasCondition(query, condition)}
              onClick={() => onQuery(toggled(query, condition))}
            >
              <span className={classes.name}>{label}</span>
              <span className={classes.count}>{count.toLocaleString('en-US')}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function countAbove(rows: { value: string; count: number }[]): number {
  return rows.reduce((sum, { value, count }) => (Number(value) > 0 ? sum + count : sum), 0);
}

interface FacetProps {
  field: string;
  name: string;
  title: string;
  labelOf?: ((value: string) => string) | undefined;
  filter: ConversationFilter;
  ready: boolean;
  onQuery: (query: string) => void;
}

function Facet({ field, name, title, labelOf, filter, ready, onQuery }: FacetProps) {
  const [limit, setLimit] = useState(SHOWN);
  const { data } = useFacet(field, ready, { filter, limit });
  const query = filter.q ?? '';
  const rows = data?.items ?? [];
  if (rows.length === 0) return null;
  const all = data?.total ?? 0;
  return (
    <section className={classes.facet} aria-label={title}>
      <h2>{title}</h2>
      <ul>
        {rows.map(({ value, count }) => {
          const stand = standOf(query, name, value);
          const label = labelOf?.(value) ?? value;
          const set = (next: Stand) => onQuery(withStand(query, name, value, stand === next ? null : next));
          return (
            <li key={value} className={classes.value} data-stand={stand ?? undefined}>
              <button
                type="button"
                className={classes.add}
                title={value}
                aria-pressed={stand === 'only'}
                onClick={(event) => set(event.altKey ? 'without' : 'only')}
              >
                <span className={classes.name}>{label}</span>
                <span className={classes.count}>{count.toLocaleString('en-US')}</span>
              </button>
              <button
                type="button"
                className={`${button.icon} ${classes.without}`}
                aria-label={words.without(label)}
                title={words.without(label)}
                aria-pressed={stand === 'without'}
                onClick={() => set('without')}
              >
                <IconCircleMinus size={15} stroke={1.8} aria-hidden />
              </button>
            </li>
          );
        })}
      </ul>
      {all > rows.length && rows.length >= MORE && (
        <p className={classes.rest}>
          {words.rest(rows.length.toLocaleString('en-US'), all.toLocaleString('en-US'), name)}
        </p>
      )}
      {all > rows.length && limit < MORE && (
        <button
          type="button"
          className={`${button.words} ${classes.more}`}
          aria-label={words.moreOf(title)}
          onClick={() => setLimit(MORE)}
        >
          {words.more}
        </button>
      )}
    </section>
  );
}
