// One user, session or channel: what it did over time, cost and thought of it, and its conversations.
import { Link, useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { CostTables, costOf } from '../components/analytics-tables';
import { Tiles } from '../components/analytics-tiles';
import { ConversationList } from '../components/conversation-list';
import { Centered, ErrorState } from '../components/error-state';
import { ChoiceSelect, PERIODS } from '../components/filter-select';
import { ListSkeleton } from '../components/list-skeleton';
import stateClasses from '../components/states.module.css';
import { TimeHistogram } from '../components/time-histogram';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { useKeys } from '../lib/keys';
import { listKeys } from '../lib/list-keys';
import { text } from '../lib/text';
import { ENTITY_FIELDS, ENTITY_METRICS, entityRows } from '../model/entities';
import { formatCost, formatCount, userName } from '../model/format';
import { sinceTime } from '../model/period';
import { valueText } from '../model/query';
import { type Entity, type EntitySearch, entityOf } from '../router';
import { useAggregate } from '../state/analytics';
import { useConversations } from '../state/queries';
import classes from './entities.module.css';

/** What a query calls them, and the column that says the same of all conversations of one. */
const NAMES = { users: 'user', sessions: 'session', channels: 'channel' } as const;
const words = text.entities;
const SHARE = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });

export function EntityPage() {
  const entity = entityOf(useLocation().pathname);
  const { id = '' } = useParams({ strict: false });
  return <EntityOf key={`${entity}/${id}`} entity={entity} id={id} />;
}

function EntityOf({ entity, id }: { entity: Entity; id: string }) {
  const search: EntitySearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const [selected, setSelected] = useState<string | null>(null);
  const [place] = useState({ top: 0 });
  const filter = useMemo(
    () => ({ [ENTITY_FIELDS[entity]]: id, after: sinceTime(search.since, Date.now()) }),
    [entity, id, search.since],
  );
  const list = useConversations(filter, place);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const given = Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { data, isPending } = useAggregate({ of: 'conversations', metrics: ENTITY_METRICS, filter: given });
  const sums = entityRows(data)[0];
  const costs = (sums?.cost ?? 0) > 0;
  const models = useAggregate(costOf('model', given), costs);
  const steps = useAggregate(costOf('name', given), costs);
  // All of it appears at once, so that nothing is pushed away from under the reader.
  const ready = !list.isPending && !isPending && (!costs || (!models.isPending && !steps.isPending));
  const { fetchNextPage } = list;
  const onMore = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  // The arrows scroll the page, which is more than the list.
  useKeys(
    listKeys({
      ids: rows.map((row) => row.conversation_id),
      selected,
      onSelect: setSelected,
      onOpen: (conversation) => void navigate({ to: '/conversations/$id', params: { id: conversation } }),
    }),
  );
  const name = (entity === 'users' && userName(rows[0]?.user)) || id;
  const query = `${NAMES[entity]}:${valueText(id)}`;
  useEffect(() => {
    document.title = `${name} · ${text.product}`;
  }, [name]);

  if (list.isError && rows.length === 0) return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  if (!ready) return <TranscriptSkeleton />;
  return (
    <div className={classes.page} tabIndex={0} role="group" aria-label={id}>
      <div className={classes.head}>
        <h1 className={classes.title}>{name}</h1>
        {name !== id && <span className="nt-mono">{id}</span>}
        <Link to={`/${entity}`} className={classes.link}>
          {words.back(words[entity].title)}
        </Link>
        <Link to="/" search={{ q: query, since: search.since }} className={classes.link}>
          {words.inList}
        </Link>
        <ChoiceSelect
          label={text.periods[search.since ?? ''] ?? text.list.periodField}
          choices={PERIODS}
          value={search.since}
          onChange={(since) =>
            void navigate({ to: `/${entity}/$id`, params: { id }, search: { ...search, since }, replace: true })
          }
        />
      </div>
      <Tiles
        tiles={[
          { name: words.tiles.conversations, value: sums ? formatCount(sums.conversations) : null },
          { name: words.tiles.failed, value: sums ? SHARE.format(sums.errors) : null },
          { name: words.tiles.tokens, value: sums?.tokens == null ? null : formatCount(sums.tokens) },
          { name: words.tiles.cost, value: sums?.cost == null ? null : formatCost(sums.cost) },
          { name: words.tiles.approved, value: sums ? formatCount(sums.positive) : null },
          { name: words.tiles.disapproved, value: sums ? formatCount(sums.negative) : null },
        ]}
      />
      <TimeHistogram
        filter={filter}
        period={search.since}
        picked={{}}
        onPick={(after, before) => void navigate({ to: '/', search: { q: query, after, before } })}
      />
      {costs && (
        <CostTables
          filter={given}
          onSteps={(condition) => {
            const after = filter.after ? ` after:${filter.after}` : '';
            void navigate({ to: '/search', search: { q: `${query} ${condition}${after}`, sort: 'cost' } });
          }}
        />
      )}
      <div className={classes.list}>
        {list.isPending ? (
          <ListSkeleton />
        ) : rows.length === 0 ? (
          <Centered role="status">
            <h2 className={stateClasses.title}>{words.none}</h2>
            <p className={stateClasses.words}>{words.noneHelp}</p>
          </Centered>
        ) : (
          <ConversationList
            rows={rows}
            arrived={list.arrived}
            selected={selected}
            onSelect={setSelected}
            hasMore={list.hasNextPage}
            loadingMore={list.isFetchingNextPage}
            truncated={false}
            onMore={onMore}
            place={place}
            without={NAMES[entity]}
          />
        )}
      </div>
    </div>
  );
}
