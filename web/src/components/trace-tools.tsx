// Above the steps of a trace: search in them, the kinds with their counts, and the way from one failed step to the next.
import { IconAlertCircle } from '@tabler/icons-react';
import type { Ref } from 'react';
import { text } from '../lib/text';
import type { KindCount } from '../model/step-filter';
import type { TraceSearch } from '../router';
import button from './button.module.css';
import { KindIcon, kindName } from './kind-icon';
import { SearchField } from './search-field';
import classes from './trace-tools.module.css';

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
  return (
    <search className={classes.tools}>
      <SearchField
        ref={inputRef}
        className={classes.search}
        value={search.q ?? ''}
        label={text.trace.search}
        onChange={(q) => onChange({ q: q || undefined })}
      />
      <div className={classes.kinds} role="group" aria-label={text.trace.kinds}>
        {kinds.map(({ kind, count }) => (
          <button
            key={kind}
            type="button"
            className={button.small}
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
            className={`${button.small} ${classes.failed}`}
            aria-pressed={search.errors === '1'}
            onClick={() => onChange({ errors: search.errors ? undefined : '1' })}
          >
            <IconAlertCircle size={15} stroke={2} aria-hidden />
            {text.trace.errors(errors.toLocaleString('en-US'))}
          </button>
          <button type="button" className={button.small} title={`${text.trace.nextError} (n)`} onClick={onNextError}>
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
