// Search box, filters and the chips of those that are on. All of it lives in the URL.
import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconAlertCircle, IconSearch, IconX } from '@tabler/icons-react';
import { type Ref, useEffect, useState } from 'react';
import { text } from '../lib/text';
import { formatAbsolute } from '../model/format';
import { parseTime } from '../model/time';
import type { ListSearch } from '../router';
import classes from './filter-bar.module.css';
import { ChoiceSelect, FacetSelect } from './filter-select';

const DEBOUNCE_MS = 250;
const PERIODS = Object.entries(text.list.periods).map(([value, label]) => ({ value, label }));

interface Props {
  search: ListSearch;
  onChange: (change: Partial<ListSearch>) => void;
  onClear: () => void;
  inputRef: Ref<HTMLInputElement>;
  /** Names of users by id, as far as they are known. */
  userNames: ReadonlyMap<string, string>;
}

export function FilterBar({ search, onChange, onClear, inputRef, userNames }: Props) {
  const words = text.list;
  const userOf = (id: string) => {
    const name = userNames.get(id);
    return name ? `${name} (${id})` : id;
  };
  const chips = [
    { name: words.channel, value: search.channel, clear: { channel: undefined } },
    { name: words.user, value: search.user && userOf(search.user), clear: { user: undefined } },
    { name: words.model, value: search.model, clear: { model: undefined } },
    {
      name: words.periodField,
      value: search.since && (words.periods[search.since] ?? search.since),
      clear: { since: undefined },
    },
    {
      name: words.periodField,
      value: search.after || search.before ? words.between(momentOf(search.after), momentOf(search.before)) : undefined,
      clear: { after: undefined, before: undefined },
    },
  ].filter((chip) => chip.value);

  return (
    <search className={classes.bar}>
      <SearchBox value={search.q ?? ''} onChange={(q) => onChange({ q: q || undefined })} inputRef={inputRef} />
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
        className={classes.select}
        aria-pressed={search.status === 'error'}
        data-active={search.status === 'error' || undefined}
        onClick={() => onChange({ status: search.status === 'error' ? undefined : 'error' })}
      >
        <IconAlertCircle size={15} stroke={1.8} aria-hidden />
        {words.errors}
      </button>
      {chips.map((chip) => (
        <span key={`${chip.name} ${chip.value}`} className={classes.chip}>
          <span>{chip.name}</span>
          <span className={classes.chipValue}>{chip.value}</span>
          <button
            type="button"
            aria-label={words.remove(chip.name)}
            title={words.remove(chip.name)}
            onClick={() => onChange(chip.clear)}
          >
            <IconX size={13} stroke={2.2} aria-hidden />
          </button>
        </span>
      ))}
      {(chips.length > 0 || search.q || search.status) && (
        <button type="button" className={classes.clear} onClick={onClear}>
          {words.clear}
        </button>
      )}
    </search>
  );
}

/** A moment of a chosen stretch of time. */
function momentOf(time: string | undefined): string {
  return time ? formatAbsolute(parseTime(time)) : '…';
}

function SearchBox({
  value,
  onChange,
  inputRef,
}: {
  value: string;
  onChange: (value: string) => void;
  inputRef: Ref<HTMLInputElement>;
}) {
  const [typed, setTyped] = useState(value);
  const send = useDebouncedCallback(onChange, DEBOUNCE_MS);
  // Going back in the history, or clearing all filters, changes the value from outside.
  useEffect(() => setTyped(value), [value]);
  const clear = () => {
    setTyped('');
    onChange('');
  };
  return (
    <TextInput
      ref={inputRef}
      className={classes.search}
      size="xs"
      type="search"
      value={typed}
      placeholder={text.list.search}
      aria-label={text.list.search}
      leftSection={<IconSearch size={15} stroke={1.8} />}
      rightSection={
        typed ? (
          <button type="button" className={classes.clearSearch} aria-label={text.list.clearSearch} onClick={clear}>
            <IconX size={14} stroke={2} />
          </button>
        ) : (
          <kbd className={classes.hint}>/</kbd>
        )
      }
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        send(event.currentTarget.value.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          if (typed) clear();
          else event.currentTarget.blur();
        }
        if (event.key === 'Enter') {
          onChange(typed.trim());
          event.currentTarget.blur();
        }
      }}
    />
  );
}
