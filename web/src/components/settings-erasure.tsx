// Erasing for good, and the receipts that prove it.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ErasureRow } from '../api/types';
import { bytesText } from '../lib/bytes';
import { text } from '../lib/text';
import { pretty } from '../model/content';
import { plural } from '../model/format';
import { useErase, useErasure, useErasures } from '../state/settings';
import { Ago } from './ago';
import { ConfirmButton } from './confirm-button';
import { CopyButton } from './copy-button';
import { ErrorState } from './error-state';
import classes from './form.module.css';
import { JsonTree } from './json-tree';
import { Loading } from './loading';
import { Problem } from './problem';

const words = text.settings;
type Target = keyof typeof words.targets;
const TARGETS = (Object.keys(words.targets) as Target[]).map((value) => ({ value, label: words.targets[value] }));

export function SettingsErasure() {
  const [target, setTarget] = useState<Target>('user_id');
  const [id, setId] = useState('');
  const erase = useErase();
  const list = useErasures();
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const given = id.trim();
  return (
    <>
      <section className={classes.card} aria-labelledby="erase">
        <h2 id="erase">{words.erase}</h2>
        <p className={classes.help}>{words.eraseHelp}</p>
        <div className={classes.row}>
          <NativeSelect
            label={words.target}
            value={target}
            data={TARGETS}
            onChange={(event) => setTarget(event.currentTarget.value as Target)}
          />
          <TextInput label={words.id} value={id} onChange={(event) => setId(event.currentTarget.value)} />
          <ConfirmButton
            label={words.eraseNow}
            title={words.eraseTitle}
            help={words.eraseConfirm(words.targets[target], given)}
            disabled={!given}
            loading={erase.isPending}
            onConfirm={() => erase.mutate({ [target]: given }, { onSuccess: () => setId('') })}
          />
        </div>
        <Problem error={erase.error} />
      </section>
      <section className={classes.card} aria-labelledby="receipts">
        <h2 id="receipts">{words.receipts}</h2>
        {list.isPending && <Loading />}
        {list.error && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
        {list.isSuccess && rows.length === 0 && <p className={classes.help}>{words.noReceipts}</p>}
        {rows.map((row) => (
          <Receipt key={row.id} row={row} />
        ))}
        {list.hasNextPage && (
          <Button variant="default" size="xs" mt={10} onClick={() => void list.fetchNextPage()}>
            {words.more}
          </Button>
        )}
      </section>
    </>
  );
}

function Receipt({ row }: { row: ErasureRow }) {
  const [open, setOpen] = useState(false);
  const { data, error } = useErasure(row.id, open);
  const summary = [plural(row.trace_count, 'trace'), plural(row.spans, 'step'), bytesText(row.bytes)].join(', ');
  return (
    <details data-receipt={row.id} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {words.receipt(row.id)} · {row.done_at ? words.erased : words.erasing} · {summary} ·{' '}
        <Ago time={row.requested_at} />
        {row.asked_by && ` · ${words.askedBy(row.asked_by)}`}
      </summary>
      <Problem error={error} />
      {open && !data && !error && <Loading />}
      {data && (
        <>
          <CopyButton value={() => pretty(data)} label={words.copyReceipt} />
          <JsonTree value={data} openDepth={2} bare />
        </>
      )}
    </details>
  );
}
