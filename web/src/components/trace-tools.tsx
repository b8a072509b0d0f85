// Above the steps of a trace: search in them, the kinds with their counts, and the way from one failed step to the next.
import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconAlertCircle, IconSearch } from '@tabler/icons-react';
import { type Ref, useEffect, useState } from 'react';
import { text } from '../lib/text';
import type { KindCount } from '../model/step-filter';
import type { TraceSearch } from '../router';
import { KindIcon, kindName } from './kind-icon';
import classes from './trace-tools.module.css';

const DEBOUNCE_MS = 200;

interface Props {
  search: TraceSearch;
  onChange: (change: Partial<TraceSearch>) => void;
  kinds: KindCount[];
  errors: number;
  onNextError: () => void;
  note: string | null;
  inputRef: Ref<HTMLInputElement>;
}

export function TraceTools({ search, onChange, kinds, errors, onNextError, note, inputRef }: Props) {
  const [typed, setTyped] = useState(search.q ?? '');
  useEffect(() => setTyped(search.q ?? ''), [search.q]);
  const send = useDebouncedCallback((q: string) => onChange({ q: q || undefined }), DEBOUNCE_MS);
  return (
    <search className={classes.tools}>
      <TextInput
        ref={inputRef}
        className={classes.search}
        size="xs"
        type="search"
        value={typed}
        placeholder={text.trace.search}
        aria-label={text.trace.search}
        leftSection={<IconSearch size={14} stroke={1.8} />}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          send(event.currentTarget.value.trim());
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <div className={classes.kinds} role="group" aria-label={text.trace.kinds}>
        {kinds.map(({ kind, count }) => (
          <button
            key={kind}
            type="button"
            className={classes.kind}
            aria-pressed={search.kind === kind}
            onClick={() => onChange({ kind: search.kind === kind ? undefined : kind })}
          >
            <KindIcon kind={kind} size={16} />
            {kindName(kind)}
            <span className={classes.count}>{count.toLocaleString('en-US')}</span>
          </button>
        ))}
      </div>
      {errors > 0 && (
        <span className={classes.errors}>
          <button
            type="button"
            className={classes.kind}
            data-error
            aria-pressed={search.errors === '1'}
            onClick={() => onChange({ errors: search.errors ? undefined : '1' })}
          >
            <IconAlertCircle size={15} stroke={2} aria-hidden />
            {text.trace.errors(errors.toLocaleString('en-US'))}
          </button>
          <button type="button" className={classes.kind} title={`${text.trace.nextError} (n)`} onClick={onNextError}>
            {text.trace.nextError}
          </button>
        </span>
      )}
      {note && (
        <span className={classes.note} role="status">
          {note}
        </span>
      )}
    </search>
  );
}
