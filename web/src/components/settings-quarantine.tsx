// Requests of which something could not be decoded: what is wrong with them, their bytes, another try, and their end.
import { Button } from '@mantine/core';
import { bytesText } from '../lib/bytes';
import { text } from '../lib/text';
import { plural } from '../model/format';
import { useQuarantine, useQuarantineActions } from '../state/settings';
import { Ago } from './ago';
import { ConfirmButton } from './confirm-button';
import { ErrorState } from './error-state';
import classes from './form.module.css';
import { Loading } from './loading';
import { Problem } from './problem';
import { TableFrame } from './table-frame';

const words = text.settings;

export function SettingsQuarantine() {
  const list = useQuarantine();
  const { replay, discard, discardAll, download } = useQuarantineActions();
  const first = list.data?.pages[0];
  if (list.error) return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className={classes.card} aria-labelledby="quarantine">
      <h2 id="quarantine">{words.quarantine}</h2>
      <p className={classes.help}>
        {words.quarantineHelp}{' '}
        {first &&
          (first.total > 0
            ? words.quarantineSize(plural(first.total, 'request'), bytesText(first.bytes))
            : words.quarantineEmpty)}
      </p>
      {first && first.total > 0 && (
        <div className={classes.actions}>
          <ConfirmButton
            label={words.discardAll}
            title={words.discardAllTitle}
            help={words.discardAllHelp(plural(first.total, 'request'))}
            loading={discardAll.isPending}
            onConfirm={() => {
              replay.reset();
              discardAll.mutate();
            }}
          />
        </div>
      )}
      {list.isPending && <Loading />}
      {discardAll.isSuccess && first?.total === 0 && (
        <p className={classes.done} role="status">
          {words.discardedAll}
        </p>
      )}
      {replay.data && (
        <p className={replay.data.kept ? classes.done : classes.problem} role="status">
          {replay.data.kept ? words.kept : replay.data.message}
        </p>
      )}
      <Problem error={replay.error ?? discard.error ?? discardAll.error ?? download.error} />
      {rows.length > 0 && (
        <TableFrame
          label={words.quarantine}
          columns={[words.columns.last, words.columns.from, words.columns.wrong, words.columns.size]}
          actions
        >
          {rows.map((row) => (
            <tr key={row.id}>
              <td>
                <Ago time={row.last_time} />
                {row.times > 1 && ` (${row.times}×)`}
              </td>
              <td className={classes.wrap}>
                {row.method} {row.path}
                <br />
                {row.client ?? row.protocol}
              </td>
              <td className={classes.wrap}>
                <code>{row.reason}</code>
                <br />
                {row.message}
              </td>
              <td>{bytesText(row.bytes)}</td>
              <td>
                <div className={classes.actions}>
                  <Button
                    size="xs"
                    variant="default"
                    title={words.downloadHint}
                    loading={download.isPending && download.variables === row.id}
                    onClick={() => download.mutate(row.id)}
                  >
                    {words.download}
                  </Button>
                  <Button
                    size="xs"
                    variant="default"
                    loading={replay.isPending && replay.variables === row.id}
                    onClick={() => replay.mutate(row.id)}
                  >
                    {words.replay}
                  </Button>
                  <ConfirmButton
                    label={words.discard}
                    title={words.discardTitle}
                    help={words.discardHelp}
                    loading={discard.isPending && discard.variables === row.id}
                    onConfirm={() => discard.mutate(row.id)}
                  />
                </div>
              </td>
            </tr>
          ))}
        </TableFrame>
      )}
      {list.hasNextPage && (
        <Button variant="default" size="xs" mt={10} onClick={() => void list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
    </section>
  );
}
