// The keys of a project, by how they begin: what they may do, when they were used, and an end to them.
import { text } from '../lib/text';
import { useKeyList, useRevokeKey } from '../state/settings';
import { Ago } from './ago';
import { ConfirmButton } from './confirm-button';
import classes from './form.module.css';
import { Loading } from './loading';
import { Problem } from './problem';
import { TableFrame } from './table-frame';

const words = text.settings.keys;

export function KeyList({ project }: { project: string }) {
  const { data, error } = useKeyList(project);
  const revoke = useRevokeKey();
  return (
    <section className={classes.card} aria-labelledby="keys">
      <h2 id="keys">
        {words.of} <bdi>{project}</bdi>
      </h2>
      <p className={classes.help}>{words.help}</p>
      <Problem error={error ?? revoke.error} />
      {!data && !error && <Loading />}
      {data?.items.length === 0 && <p className={classes.help}>{words.none}</p>}
      {data && data.items.length > 0 && (
        <TableFrame
          label={words.title}
          columns={[words.columns.key, words.columns.scope, words.columns.made, words.columns.used]}
          actions
        >
          {data.items.map((key) => {
            const name = key.begin ? `${key.begin}…` : key.id;
            return (
              <tr key={key.id} data-key={key.begin ?? key.id}>
                <td>
                  <code>{name}</code>
                  {!key.begin && ` (${words.unknown})`}
                </td>
                <td>{key.scope}</td>
                <td>
                  <Ago time={key.created_at} />
                </td>
                <td>{key.used_at ? <Ago time={key.used_at} /> : words.never}</td>
                <td>
                  <div className={classes.actions}>
                    <ConfirmButton
                      label={words.revoke}
                      title={words.revokeTitle}
                      help={words.revokeHelp(name)}
                      loading={revoke.isPending && revoke.variables.key === key.id}
                      onConfirm={() => revoke.mutate({ project, key: key.id })}
                    />
                  </div>
                </td>
              </tr>
            );
          })}
        </TableFrame>
      )}
    </section>
  );
}
