// A compact filter: a button that opens the values of a field with their counts.
import { Combobox, useCombobox } from '@mantine/core';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { text } from '../lib/text';
import { useFacet } from '../state/queries';
import button from './button.module.css';
import classes from './filter-bar.module.css';

export interface Choice {
  value: string;
  label: string;
  count?: number;
}

interface Props {
  label: string;
  /** What the button says in place of the label, where nothing else shows what is chosen. */
  shown?: string | undefined;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** The values come from the server when the list is opened. */
export function FacetSelect({
  field,
  labelOf,
  ...props
}: Props & { field: string; labelOf?: (value: string) => string }) {
  const [opened, setOpened] = useState(false);
  const { data, error } = useFacet(field, opened);
  const choices =
    data?.items.map((row) => ({ value: row.value, label: labelOf?.(row.value) ?? row.value, count: row.count })) ?? [];
  const note = data ? undefined : (error?.message ?? text.loading);
  return <ChoiceSelect {...props} choices={choices} note={note} searchable onOpen={() => setOpened(true)} />;
}

interface ChoiceProps extends Props {
  choices: Choice[];
  /** Why there are no choices, where it is not that there are none. */
  note?: string | undefined;
  searchable?: boolean;
  onOpen?: () => void;
}

export function ChoiceSelect(props: ChoiceProps) {
  const { label, shown: words = label, value, onChange, choices, note, searchable, onOpen } = props;
  const [search, setSearch] = useState('');
  const combobox = useCombobox({
    onDropdownOpen: () => {
      onOpen?.();
      if (searchable) combobox.focusSearchInput();
    },
    onDropdownClose: () => {
      combobox.resetSelectedOption();
      combobox.focusTarget();
      setSearch('');
    },
  });
  const needle = search.trim().toLowerCase();
  const shown = choices.filter((choice) => choice.label.toLowerCase().includes(needle)).slice(0, 200);
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
            onChange={(event) => setSearch(event.currentTarget.value)}
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
      </Combobox.Dropdown>
    </Combobox>
  );
}
