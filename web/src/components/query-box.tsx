// The box that queries are typed into: it completes fields and values, and marks the place of a mistake.
import { TextInput } from '@mantine/core';
import { useMergedRef } from '@mantine/hooks';
import { IconSearch, IconX } from '@tabler/icons-react';
import { type Ref, useId, useMemo, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import type { Completion } from '../api/types';
import { useChoosing } from '../lib/choosing';
import { text } from '../lib/text';
import { completed, goesOn, isUnfinished, type Replaced, replacedNow, rootsFor } from '../model/query';
import { useCompletions } from '../state/queries';
import button from './button.module.css';
import classes from './query-box.module.css';
import { useTyped } from './search-field';

const SHOWN = 12;

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  /** What is listed. */
  of?: 'conversations' | 'spans';
  inputRef?: Ref<HTMLInputElement>;
}

export function QueryBox({ value, onChange, label, of = 'conversations', inputRef }: Props) {
  const { typed, type, set } = useTyped(value, onChange, (query) => !isUnfinished(query));
  const [cursor, setCursor] = useState(0);
  const own = useRef<HTMLInputElement>(null);
  const ref = useMergedRef(own, inputRef ?? null);
  const [open, setOpen] = useState(false);
  const list = useId();
  const { items: suggestions, replaced } = useSuggestions(of, typed, Math.min(cursor, typed.length), open);
  const shown = open && suggestions.length > 0;
  const { chosen, setAt, onArrow, reset } = useChoosing(shown ? suggestions.length : 0, -1);

  const close = () => {
    setOpen(false);
    reset();
  };
  const choose = (insert: string) => {
    if (!replaced) return;
    const next = completed(typed, replaced, insert);
    if (goesOn(insert)) type(next.query);
    else set(next.query);
    setCursor(next.cursor);
    // The cursor moves once the new text is in the field.
    requestAnimationFrame(() => own.current?.setSelectionRange(next.cursor, next.cursor));
    reset();
  };
  return (
    <div className={classes.box}>
      <TextInput
        ref={ref}
        className={classes.field}
        size="xs"
        value={typed}
        placeholder={label}
        aria-label={label}
        role="combobox"
        aria-expanded={shown}
        aria-controls={shown ? list : undefined}
        aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        leftSection={<IconSearch size={15} stroke={1.8} />}
        rightSection={
          typed ? (
            <button type="button" className={button.icon} aria-label={text.list.clearSearch} onClick={() => set('')}>
              <IconX size={14} stroke={2} />
            </button>
          ) : (
            <kbd className={classes.hint}>/</kbd>
          )
        }
        onChange={(event) => {
          type(event.currentTarget.value);
          setCursor(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
          setOpen(true);
          reset();
        }}
        onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
        onClick={() => setOpen(true)}
        onBlur={close}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'ArrowDown') setOpen(true);
          onArrow(event);
          if (event.key === 'Escape') {
            if (shown) close();
            else if (typed) set('');
            else event.currentTarget.blur();
          }
          if (event.key === 'Enter') {
            const suggestion = suggestions[chosen];
            if (shown && suggestion) {
              choose(suggestion.text);
              return;
            }
            set(typed);
            event.currentTarget.blur();
          }
        }}
      />
      {shown && (
        <div id={list} role="listbox" aria-label={text.query.suggestions} className={classes.options} tabIndex={-1}>
          {suggestions.map((each, at) => (
            // The field keeps the cursor, so a press must not take it away.
            <div
              key={each.text}
              id={`${list}-${at}`}
              role="option"
              aria-selected={at === chosen}
              className={classes.option}
              onPointerDown={(event) => {
                event.preventDefault();
                choose(each.text);
              }}
              onPointerMove={() => setAt(at)}
            >
              <code>{each.text}</code>
              <span className={classes.about}>
                {each.count == null
                  ? text.query.fields[each.text.replace(/:$/, '')]
                  : each.count.toLocaleString('en-US')}
              </span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

const WANTED = Object.keys(text.query.fields);

/** Names that are used most come first, the others as the server has them. */
function rank({ kind, text: name }: Completion): number {
  const at = kind === 'field' ? WANTED.indexOf(name.replace(/:$/, '')) : 0;
  return at < 0 ? WANTED.length : at;
}

/** How the text can go on at the cursor. What was found for a shorter text stays until the answer for this one is there. */
function useSuggestions(of: 'conversations' | 'spans', typed: string, cursor: number, wanted: boolean) {
  const found = useCompletions(of, typed, cursor, wanted);
  return useMemo((): { items: Completion[]; replaced: Replaced | null } => {
    const replaced = found && replacedNow(found.query, found, typed, cursor);
    if (!replaced) return { items: [], replaced: null };
    const begun = typed.slice(replaced.from, cursor).toLowerCase();
    const items = found.items
      .filter(
        (each) => each.text !== begun && each.text.replace(/^"/, '').toLowerCase().startsWith(begun.replace(/^"/, '')),
      )
      .concat(rootsFor(typed, replaced, cursor).map((root) => ({ text: root, kind: 'field' as const, count: null })))
      .sort((a, b) => rank(a) - rank(b));
    return { items: items.slice(0, SHOWN), replaced };
  }, [found, typed, cursor]);
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
  // A field is found with its colon, and named without.
  const colon = found.endsWith(':') ? ':' : '';
  return (
    <div className={classes.mistake} role="alert">
      <code>
        {before}
        <mark>{query.slice(at, at + length) || ' '}</mark>
        {after}
      </code>
      {nearest ? problem.split(/[.;] /, 1) : problem}
      {nearest ? (
        <>
          {' '}
          <button
            type="button"
            className={button.words}
            onClick={() => onChange(`${before}${nearest}${colon}${after}`)}
          >
            {text.query.nearest(nearest)}
          </button>
        </>
      ) : (
        accepted.length > 0 && accepted.length <= SHOWN && ` ${text.query.accepted(accepted.join(', '))}`
      )}
    </div>
  );
}
