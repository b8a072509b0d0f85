// The list of conversations: search, filters, keys, and what to say when it is empty.
import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ConversationList } from '../components/conversation-list';
import { Centered, ErrorState } from '../components/error-state';
import { FacetPanel } from '../components/facet-panel';
import { FilterBar } from '../components/filter-bar';
import { ListSkeleton } from '../components/list-skeleton';
import { ListTools } from '../components/list-tools';
import { isMistake, QueryMistake } from '../components/query-box';
import { SelectionBar } from '../components/selection-bar';
import stateClasses from '../components/states.module.css';
import { TimeHistogram } from '../components/time-histogram';
import { Welcome } from '../components/welcome';
import { useKeys } from '../lib/keys';
import { listKeys } from '../lib/list-keys';
import { text } from '../lib/text';
import { columnsIn } from '../model/views';
import { conversationsRoute, type ListSearch } from '../router';
import { rememberList } from '../state/last-list';
import { filterOf, orderOf } from '../state/list-filter';
import { useFacetsShown, useRecentSearches } from '../state/preferences';
import { useConversations } from '../state/queries';
import classes from './conversations.module.css';

/** Where there is no room for values beside the list. */
const NARROW = '(max-width: 1080px)';

/** Where the reader was in a list, by its filters: going back from a conversation leads there. */
const places = new Map<string, { top: number; selected: string | null }>();

/** Which rows there are, in which order; which columns they have does not matter. */
function rowsKey({ columns: _, ...rows }: ListSearch): string {
  return JSON.stringify(rows);
}

function placeOf(key: string) {
  let place = places.get(key);
  if (!place) {
    place = { top: 0, selected: null };
    places.set(key, place);
  }
  return place;
}

export function ConversationsPage() {
  const search = conversationsRoute.useSearch();
  const navigate = useNavigate({ from: '/' });
  const place = placeOf(rowsKey(search));
  const columns = useMemo(() => columnsIn(search.columns), [search.columns]);
  const [selected, setSelected] = useState(place.selected);
  const input = useRef<HTMLInputElement>(null);
  const filter = useMemo(() => filterOf(search, Date.now()), [search]);
  const ordered = useMemo(() => ({ ...filter, ...orderOf(search) }), [filter, search]);
  const list = useConversations(ordered, place);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const userNames = useMemo(
    () => new Map(rows.flatMap(({ user }) => (user?.id && user.name ? [[user.id, user.name] as const] : []))),
    [rows],
  );
  const filtered = Object.values(filter).some((value) => value !== undefined);

  useEffect(() => {
    document.title = `${text.list.title} · ${text.product}`;
  }, []);
  useEffect(() => rememberList(search), [search]);
  const { remember } = useRecentSearches();
  const [beside, setBeside] = useFacetsShown();
  // On a narrow window they lie over the list until they are closed, and are not remembered.
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const [over, setOver] = useState(false);
  const facets = narrow ? over : beside;
  const toggleFacets = () => (narrow ? setOver(!over) : setBeside(!beside));
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const pick = useCallback((id: string) => {
    setPicked((before) =>
      before.has(id) ? new Set([...before].filter((each) => each !== id)) : new Set([...before, id]),
    );
  }, []);
  const ready = list.isSuccess && !list.isPlaceholderData;
  const succeeded = ready && rows.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: remembered when the answer is there, not when the store changes
  useEffect(() => {
    if (succeeded && search.q) remember(search.q);
  }, [succeeded, search.q]);
  useEffect(() => {
    place.selected = selected;
  }, [place, selected]);

  const change = (part: Partial<ListSearch>) =>
    void navigate({ search: (before: ListSearch) => ({ ...before, ...part }), replace: true });
  const clear = () => void navigate({ search: {}, replace: true });

  const keys = listKeys({
    ids: rows.map((row) => row.conversation_id),
    selected,
    onSelect: setSelected,
    onOpen: (id) => void navigate({ to: '/conversations/$id', params: { id } }),
  });
  useKeys({
    ...keys,
    ArrowDown: keys.j,
    ArrowUp: keys.k,
    x: () => selected && pick(selected),
    '/': (event) => {
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    },
    Escape: () => (narrow && over ? setOver(false) : setSelected(null)),
  });

  const { fetchNextPage } = list;
  const onMore = useCallback(() => void fetchNextPage(), [fetchNextPage]);

  if (list.isSuccess && !list.isPlaceholderData && rows.length === 0 && !filtered) return <Welcome />;
  return (
    <div className={classes.page}>
      <h1 className={classes.hidden}>{text.list.title}</h1>
      <div className={classes.filters}>
        <FilterBar
          search={search}
          onChange={change}
          onClear={clear}
          inputRef={input}
          userNames={userNames}
          tools={<ListTools search={search} onChange={change} facets={facets} onFacets={toggleFacets} />}
        />
        <QueryMistake query={search.q ?? ''} error={list.error} onChange={(q) => change({ q })} />
        <TimeHistogram
          filter={filter}
          period={search.since}
          picked={search}
          ready={ready}
          onPick={(after, before) => change({ after, before })}
        />
        <SelectionBar picked={picked} onClear={() => setPicked(new Set())} />
      </div>
      <div className={classes.body}>
        {facets && !isMistake(list.error) && (
          <FacetPanel
            filter={filter}
            ready={ready}
            onQuery={(q) => change({ q: q || undefined })}
            userNames={userNames}
            onClose={narrow ? () => setOver(false) : undefined}
          />
        )}
        {list.isPending ? (
          <ListSkeleton />
        ) : isMistake(list.error) ? (
          <Centered role="status">
            <h2 className={stateClasses.title}>{text.list.unreadable}</h2>
            <p className={stateClasses.words}>{text.list.unreadableHelp}</p>
          </Centered>
        ) : list.isError && rows.length === 0 ? (
          <ErrorState error={list.error} onRetry={() => void list.refetch()} />
        ) : rows.length === 0 ? (
          <Centered role="status">
            <h2 className={stateClasses.title}>{text.list.none}</h2>
            <p className={stateClasses.words}>{text.list.noneHelp}</p>
            <Button variant="default" onClick={clear}>
              {text.list.clearFilters}
            </Button>
          </Centered>
        ) : (
          <ConversationList
            key={rowsKey(search)}
            rows={rows}
            columns={columns}
            arrived={list.arrived}
            selected={selected}
            onSelect={setSelected}
            hasMore={list.hasNextPage}
            loadingMore={list.isFetchingNextPage}
            truncated={list.data?.pages.some((page) => page.truncated) ?? false}
            onMore={onMore}
            place={place}
            picked={picked}
            onPick={pick}
          />
        )}
      </div>
    </div>
  );
}
