// A compact filter: a button that opens the values of a field with their counts.
import { Combobox, useCombobox } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import type { Facets } from '../api/types';
import { text } from '../lib/text';
import { containing } from '../model/query';
import { useFacet } from '../state/queries';
import button from './button.module.css';
import classes from './filter-bar.module.css';

/** How long a rest of whoever types is, before the server is asked. */
const REST_MS = 250;

export interface Choice {
  value: string;
  label: string;
  count?: number;
}

/** The stretches of time that end now. */
export const PERIODS: readonly Choice[] = Object.entries(text.periods).map(([value, label]) => ({ value, label }));

interface Props {
  label: string;
  /** What the button says in place of the label, where nothing else shows what is chosen. */
  shown?: string | undefined;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** The values come from the server when the list is opened. Of more than it gives, it looks for those with what is typed. */
export function FacetSelect({
  field,
  labelOf,
  ...props
}: Props & { field: string; labelOf?: (value: string) => string }) {
  const [opened, setOpened] = useState(false);
  const [typed, setTyped] = useState('');
  const { data, error } = useFacet(field, opened);
  const more = data !== undefined && isCut(data);
  const wanted = more && typed !== '';
  const [asked] = useDebouncedValue(typed, REST_MS);
  const found = useFacet(field, wanted && asked !== '', { filter: { q: containing(field, asked) } });
  const answered = asked === typed && (found.isError || (found.isSuccess && !found.isPlaceholderData));
  const searching = wanted && !answered;
  const choices = valuesOf(data, wanted ? found.data : undefined).map((row) => ({
    value: row.value,
    label: labelOf?.(row.value) ?? row.value,
    count: row.count,
  }));
  const problem = data ? found.error : error;
  const note = searching ? text.list.searchingAll : (problem?.message ?? (data ? undefined : text.loading));
  const beyond = found.data && isCut(found.data) ? text.list.narrower : undefined;
  const frequent = text.list.mostFrequent((data?.items.length ?? 0).toLocaleString('en-US'));
  return (
    <ChoiceSelect
      {...props}
      choices={choices}
      note={note}
      foot={wanted ? (note ?? beyond) : more ? frequent : undefined}
      searchable
      onOpen={() => setOpened(true)}
      onSearch={setTyped}
    />
  );
}

/** Whether there are values that are not among them. */
function isCut({ items, total, truncated, timed_out }: Facets): boolean {
  return truncated || timed_out || total > items.length;
}

/** The values of both, each once; those that only the second has are less frequent. */
function valuesOf(frequent: Facets | undefined, found: Facets | undefined): Facets['items'] {
  const rows = frequent?.items ?? [];
  const known = new Set(rows.map(({ value }) => value));
  return [...rows, ...(found?.items.filter(({ value }) => !known.has(value)) ?? [])];
}

interface ChoiceProps extends Props {
  choices: readonly Choice[];
  /** Why there are no choices, where it is not that there are none. */
  note?: string | undefined;
  /** What is to be said below the choices. */
  foot?: string | undefined;
  searchable?: boolean;
  onOpen?: () => void;
  /** Told of what is typed to find a choice, which is nothing once the list is closed. */
  onSearch?: (typed: string) => void;
}

export function ChoiceSelect(props: ChoiceProps) {
  const { label, shown: words = label, value, onChange, choices, note, foot, searchable, onOpen, onSearch } = props;
  const [search, setSearch] = useState('');
  const type = (typed: string) => {
    setSearch(typed);
    onSearch?.(typed.trim());
  };
  const combobox = useCombobox({
    onDropdownOpen: () => {
      onOpen?.();
      if (searchable) combobox.focusSearchInput();
    },
    onDropdownClose: () => {
      combobox.resetSelectedOption();
      combobox.focusTarget();
      type('');
    },
  });
  const needle = search.trim().toLowerCase();
  const shown = choices.filter((choice) => choice.label.toLowerCase().includes(needle));
  return (
    <Combobox
      store={combobox}
      position="bottom-start"
      width={260}
      shadow="md"
      onOptionSubmit={(chosen) => {
        onChange(chosen === value ? undefined : chosen);
        combobox.closeDropdown();
      }}
    >
      <Combobox.Target targetType="button">
        <button
          type="button"
          className={button.small}
          data-active={value !== undefined || undefined}
          aria-haspopup="listbox"
          onClick={() => combobox.toggleDropdown()}
        >
          <span className={classes.chosen} title={words}>
            {words}
          </span>
          <IconChevronDown size={14} stroke={2} aria-hidden />
        </button>
      </Combobox.Target>
      <Combobox.Dropdown>
        {searchable && (
          <Combobox.Search
            value={search}
            onChange={(event) => type(event.currentTarget.value)}
            placeholder={text.list.find(label.toLowerCase())}
            aria-label={text.list.find(label.toLowerCase())}
          />
        )}
        <Combobox.Options mah={280} className={classes.options} aria-label={label}>
          {shown.map((choice) => (
            <Combobox.Option key={choice.value} value={choice.value} active={choice.value === value}>
              <span className={classes.option}>
                <span className={classes.optionName}>{choice.label}</span>
                {choice.value === value && <IconCheck size={14} aria-hidden />}
                {choice.count !== undefined && (
                  <span className={classes.optionCount}>{choice.count.toLocaleString('en-US')}</span>
                )}
              </span>
            </Combobox.Option>
          ))}
          {shown.length === 0 && (
            <Combobox.Empty>{note ?? (needle ? text.list.noneFound : text.list.noValues)}</Combobox.Empty>
          )}
        </Combobox.Options>
        {foot && shown.length > 0 && (
          <p className={classes.foot} role="status">
            {foot}
          </p>
        )}
      </Combobox.Dropdown>
    </Combobox>
  );
}
