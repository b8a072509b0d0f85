// All users, sessions or channels of a time, with what each did, cost and thought of it.
import { Link, useLocation, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import button from '../components/button.module.css';
import { Centered, ErrorState } from '../components/error-state';
import { ChoiceSelect, PERIODS } from '../components/filter-select';
import { SearchField } from '../components/search-field';
import stateClasses from '../components/states.module.css';
import tableClasses from '../components/table.module.css';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { text } from '../lib/text';
import { byColumn, ENTITY_FIELDS, ENTITY_METRICS, type EntityRow, entityRows, METRIC_OF } from '../model/entities';
import { formatCost, formatCount } from '../model/format';
import { sinceTime } from '../model/period';
import { ENTITIES, type Entity, type EntitySearch, entityOf } from '../router';
import { useAggregate, useUserNames } from '../state/analytics';
import classes from './entities.module.css';

const TOP = 1000;
const words = text.entities;
const SHARE = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });

const COLUMNS: { name: Exclude<keyof typeof words.columns, 'name'>; value: (row: EntityRow) => string }[] = [
  { name: 'conversations', value: (row) => row.conversations.toLocaleString('en-US') },
  { name: 'errors', value: (row) => SHARE.format(row.errors) },
  { name: 'tokens', value: (row) => (row.tokens === null ? '–' : formatCount(row.tokens)) },
  { name: 'cost', value: (row) => (row.cost === null ? '–' : formatCost(row.cost)) },
  { name: 'feedback', value: (row) => (row.positive + row.negative > 0 ? `+${row.positive} −${row.negative}` : '–') },
];

export function EntitiesPage() {
  const entity = entityOf(useLocation().pathname);
  return <Entities key={entity} entity={entity} />;
}

function Entities({ entity }: { entity: Entity }) {
  const search: EntitySearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const { title, find } = words[entity];
  const after = useMemo(() => sinceTime(search.since, Date.now()), [search.since]);
  const filter = useMemo((): Record<string, string> => (after ? { after } : {}), [after]);
  const names = useUserNames(filter, entity === 'users');
  const by = COLUMNS.find(({ name }) => name === search.by)?.name ?? 'conversations';
  const { data, error, refetch } = useAggregate({
    of: 'conversations',
    group_by: [{ field: ENTITY_FIELDS[entity], top: TOP, by: METRIC_OF[by] }],
    metrics: ENTITY_METRICS,
    filter,
    limit: TOP,
  });
  const rows = useMemo(() => {
    const needle = search.q?.toLowerCase() ?? '';
    return entityRows(data)
      .filter(({ id }) => `${id} ${names.get(id) ?? ''}`.toLowerCase().includes(needle))
      .sort(byColumn(by));
  }, [data, by, search.q, names]);
  const change = (part: EntitySearch) =>
    void navigate({ to: `/${entity}`, search: { ...search, ...part }, replace: true });
  useEffect(() => {
    document.title = `${title} · ${text.product}`;
  }, [title]);

  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!data) return <TranscriptSkeleton />;
  return (
    <div className={classes.page} tabIndex={0} role="group" aria-label={title}>
      <div className={classes.head}>
        <h1 className={classes.title}>{title}</h1>
        <nav className={classes.kinds} aria-label={words.kinds}>
          {ENTITIES.map((each) => (
            <Link
              key={each}
              to={`/${each}`}
              search={{ since: search.since }}
              className={button.small}
              data-active={each === entity || undefined}
            >
              {words[each].title}
            </Link>
          ))}
        </nav>
        <SearchField label={find} value={search.q ?? ''} onChange={(q) => change({ q: q || undefined })} />
        <ChoiceSelect
          label={text.periods[search.since ?? ''] ?? text.list.periodField}
          choices={PERIODS}
          value={search.since}
          onChange={(since) => change({ since })}
        />
      </div>
      {rows.length === 0 ? (
        <Centered role="status">
          <h2 className={stateClasses.title}>{words.none}</h2>
          <p className={stateClasses.words}>{words.noneHelp}</p>
        </Centered>
      ) : (
        <div className={tableClasses.frame}>
          <table className={tableClasses.table}>
            <thead>
              <tr>
                <th scope="col">{entity === 'users' ? text.list.user : words.columns.name}</th>
                {COLUMNS.map(({ name }) => (
                  <th key={name} scope="col" aria-sort={name === by ? 'descending' : undefined}>
                    <button type="button" title={words.order(words.columns[name])} onClick={() => change({ by: name })}>
                      {words.columns[name]}
                      {name === by && ' ↓'}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <th scope="row">
                    <span className={classes.who}>
                      <Link
                        to={`/${entity}/$id`}
                        params={{ id: row.id }}
                        search={{ since: search.since }}
                        className={tableClasses.open}
                        data-entity={row.id}
                        title={row.id}
                      >
                        {names.get(row.id) ?? row.id}
                      </Link>
                      {names.has(row.id) && (
                        <span className={classes.id} title={row.id}>
                          {row.id}
                        </span>
                      )}
                    </span>
                  </th>
                  {COLUMNS.map(({ name, value }) => (
                    <td key={name}>{value(row)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data.left_out > 0 && <p className={classes.note}>{words.rest(data.left_out.toLocaleString('en-US'))}</p>}
    </div>
  );
}
