// Search box, filters and the chips of those that are on. All of it lives in the URL.
import { IconAlertCircle, IconX } from '@tabler/icons-react';
import type { ReactNode, Ref } from 'react';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { formatStretch } from '../model/format';
import { parseTime } from '../model/time';
import type { ListSearch } from '../router';
import button from './button.module.css';
import classes from './filter-bar.module.css';
import { ChoiceSelect, FacetSelect, PERIODS } from './filter-select';
import { QueryBox } from './query-box';

const ORDERS = Object.entries(text.list.orders).map(([value, label]) => ({ value, label }));

interface Props {
  search: ListSearch;
  onChange: (change: Partial<ListSearch>) => void;
  onClear: () => void;
  inputRef: Ref<HTMLInputElement>;
  /** Whether it is of a list that has an order. */
  ordered?: boolean;
  /** At the end of the bar. */
  tools: ReactNode;
  /** Names of users by id, as far as they are known. */
  userNames: ReadonlyMap<string, string>;
}

export function FilterBar({ search, onChange, onClear, inputRef, userNames, tools, ordered = true }: Props) {
  const words = text.list;
  const userOf = (id: string) => {
    const name = userNames.get(id);
    return name ? `${isolated(name)} (${isolated(id)})` : id;
  };
  const chips = [
    { name: words.channel, value: search.channel, clear: { channel: undefined } },
    { name: words.user, value: search.user && userOf(search.user), clear: { user: undefined } },
    { name: words.model, value: search.model, clear: { model: undefined } },
    {
      name: words.periodField,
      value: search.since && (text.periods[search.since] ?? search.since),
      clear: { since: undefined },
    },
    {
      name: words.periodField,
      value:
        search.after || search.before ? formatStretch(parseTime(search.after), parseTime(search.before)) : undefined,
      clear: { after: undefined, before: undefined },
    },
  ].filter((chip) => chip.value);

  return (
    <search className={classes.bar}>
      <QueryBox
        value={search.q ?? ''}
        onChange={(q) => onChange({ q: q || undefined })}
        label={words.search}
        inputRef={inputRef}
      />
      <FacetSelect
        label={words.channel}
        field="channel_id"
        value={search.channel}
        onChange={(channel) => onChange({ channel })}
      />
      <FacetSelect
        label={words.user}
        field="user_id"
        labelOf={userOf}
        value={search.user}
        onChange={(user) => onChange({ user })}
      />
      <FacetSelect label={words.model} field="model" value={search.model} onChange={(model) => onChange({ model })} />
      <ChoiceSelect
        label={words.periodField}
        choices={PERIODS}
        value={search.since}
        onChange={(since) => onChange({ since, after: undefined, before: undefined })}
      />
      <button
        type="button"
        className={button.small}
        aria-pressed={search.status === 'error'}
        data-active={search.status === 'error' || undefined}
        onClick={() => onChange({ status: search.status === 'error' ? undefined : 'error' })}
      >
        <IconAlertCircle size={15} stroke={1.8} aria-hidden />
        {words.errors}
      </button>
      {ordered && (
        <ChoiceSelect
          label={words.orders[search.sort ?? ''] ?? words.order}
          choices={ORDERS}
          value={search.sort}
          onChange={(sort) => onChange({ sort })}
        />
      )}
      {chips.map((chip) => (
        <span key={`${chip.name} ${chip.value}`} className={classes.chip} title={chip.value}>
          <span>{chip.name}</span>
          <span className={classes.chipValue}>{chip.value}</span>
          <button
            type="button"
            className={button.icon}
            aria-label={words.remove(chip.name)}
            title={words.remove(chip.name)}
            onClick={() => onChange(chip.clear)}
          >
            <IconX size={13} stroke={2.2} aria-hidden />
          </button>
        </span>
      ))}
      {(chips.length > 0 || search.q || search.status) && (
        <button type="button" className={`${button.words} ${classes.clear}`} onClick={onClear}>
          {words.clear}
        </button>
      )}
      {tools}
    </search>
  );
}
