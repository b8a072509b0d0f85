// The box that queries are typed into: it completes fields and values, and marks the place of a mistake.
import { Combobox, TextInput, useCombobox } from '@mantine/core';
import { useMergedRef } from '@mantine/hooks';
import { IconSearch, IconX } from '@tabler/icons-react';
import { type Ref, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { text } from '../lib/text';
import { completed, examplesFor, fieldNamed, fieldsFor, isUnfinished, typingAt, valueText } from '../model/query';
import { useFacet } from '../state/queries';
import classes from './query-box.module.css';
import { useTyped } from './search-field';

const SHOWN = 12;

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  inputRef?: Ref<HTMLInputElement>;
}

interface Suggestion {
  insert: string;
  shown: string;
  about: string;
}

export function QueryBox({ value, onChange, label, inputRef }: Props) {
  const { typed, type, set } = useTyped(value, onChange, (query) => !isUnfinished(query));
  const [cursor, setCursor] = useState(0);
  const own = useRef<HTMLInputElement>(null);
  const ref = useMergedRef(own, inputRef ?? null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const typing = typingAt(typed, Math.min(cursor, typed.length));
  const suggestions = useSuggestions(typing.field, typing.begun, combobox.dropdownOpened);

  const choose = (insert: string) => {
    const next = completed(typed, typing, insert);
    if (insert.endsWith(':')) type(next.query);
    else set(next.query);
    setCursor(next.cursor);
    // The cursor moves once the new text is in the field.
    requestAnimationFrame(() => own.current?.setSelectionRange(next.cursor, next.cursor));
    combobox.resetSelectedOption();
  };
  return (
    <Combobox store={combobox} position="bottom-start" shadow="md" onOptionSubmit={choose}>
      <div className={classes.box}>
        <Combobox.Target autoComplete="off">
          <TextInput
            ref={ref}
            className={classes.field}
            size="xs"
            type="search"
            value={typed}
            placeholder={label}
            aria-label={label}
            spellCheck={false}
            leftSection={<IconSearch size={15} stroke={1.8} />}
            rightSection={
              typed ? (
                <button
                  type="button"
                  className={classes.clear}
                  aria-label={text.list.clearSearch}
                  onClick={() => set('')}
                >
                  <IconX size={14} stroke={2} />
                </button>
              ) : (
                <kbd className={classes.hint}>/</kbd>
              )
            }
            onChange={(event) => {
              type(event.currentTarget.value);
              setCursor(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
              combobox.openDropdown();
              combobox.resetSelectedOption();
            }}
            onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
            onClick={() => combobox.openDropdown()}
            onBlur={() => combobox.closeDropdown()}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                if (combobox.dropdownOpened && suggestions.length > 0) combobox.closeDropdown();
                else if (typed) set('');
                else event.currentTarget.blur();
              }
              // With an option chosen, Enter is the drop-down's.
              if (event.key === 'Enter' && combobox.getSelectedOptionIndex() < 0) {
                set(typed);
                combobox.closeDropdown();
                event.currentTarget.blur();
              }
            }}
          />
        </Combobox.Target>
      </div>
      <Combobox.Dropdown hidden={suggestions.length === 0}>
        <Combobox.Options mah={320} className={classes.options} aria-label={text.query.suggestions}>
          {suggestions.map((each) => (
            <Combobox.Option key={each.insert} value={each.insert}>
              <span className={classes.option}>
                <code>{each.shown}</code>
                <span className={classes.about}>{each.about}</span>
              </span>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

function useSuggestions(name: string | null, begun: string, wanted: boolean): Suggestion[] {
  const field = name === null ? null : fieldNamed(name);
  const values = useFacet(field?.of ?? '', wanted && field?.type === 'text', { of: field?.list });
  if (name === null) {
    return fieldsFor(begun)
      .slice(0, SHOWN)
      .map((each) => ({ insert: `${each.name}:`, shown: `${each.name}:`, about: text.query.fields[each.name] ?? '' }));
  }
  if (!field) return [];
  if (field.type !== 'text') {
    return examplesFor(field.type)
      .filter((example) => example.startsWith(begun) && example !== begun)
      .map((example) => ({ insert: example, shown: example, about: '' }));
  }
  const needle = begun.replace(/^"/, '').toLowerCase();
  return (values.data?.items ?? [])
    .filter((row) => row.value.toLowerCase().includes(needle) && valueText(row.value) !== begun)
    .slice(0, SHOWN)
    .map((row) => ({ insert: valueText(row.value), shown: row.value, about: row.count.toLocaleString('en-US') }));
}

/** Whether the server could not read the query, rather than answer it. */
export function isMistake(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400;
}

/** What the server could not read in the query, at its place. */
export function QueryMistake({
  query,
  error,
  onChange,
}: {
  query: string;
  error: unknown;
  onChange: (query: string) => void;
}) {
  if (!(error instanceof ApiError) || error.status !== 400) return null;
  const { query: mistake } = error;
  if (!mistake) {
    return (
      <p className={classes.mistake} role="alert">
        {error.message}
      </p>
    );
  }
  const { at, found, problem, nearest, accepted } = mistake;
  const length = query.startsWith(found, at) ? found.length : 1;
  const before = query.slice(0, at);
  const after = query.slice(at + length);
  return (
    <div className={classes.mistake} role="alert">
      <code>
        {before}
        <mark>{query.slice(at, at + length) || ' '}</mark>
        {after}
      </code>
      {problem}
      {nearest ? (
        <>
          {' '}
          <button type="button" onClick={() => onChange(`${before}${nearest}${after}`)}>
            {text.query.nearest(nearest)}
          </button>
        </>
      ) : (
        accepted.length > 0 && ` ${text.query.accepted(accepted.slice(0, SHOWN).join(', '))}`
      )}
    </div>
  );
}
