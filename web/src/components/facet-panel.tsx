// The values of the list beside it, with their counts. A click narrows the list to one, with Alt it leaves it out.
import { IconCircleMinus } from '@tabler/icons-react';
import type { ConversationFilter } from '../api/client';
import { text } from '../lib/text';
import { type Stand, standOf, withStand } from '../model/query';
import { useFacet } from '../state/queries';
import classes from './facet-panel.module.css';

const SHOWN = 8;
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
}

export function FacetPanel({ filter, ready, onQuery, userNames }: Props) {
  return (
    <aside className={classes.panel} aria-label={words.title} tabIndex={0}>
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
      <p className={classes.hint}>{words.hint}</p>
    </aside>
  );
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
  const { data } = useFacet(field, ready, { filter, limit: SHOWN });
  const query = filter.q ?? '';
  const rows = data?.items ?? [];
  if (rows.length === 0) return null;
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
                className={classes.without}
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
    </section>
  );
}
