// The processes that send, and what of theirs never came.
import { text } from '../lib/text';
import { useSources } from '../state/settings';
import { Ago } from './ago';
import { ErrorState } from './error-state';
import classes from './form.module.css';
import { Loading } from './loading';
import { TableFrame } from './table-frame';

const words = text.settings.sources;
const COUNTS = ['received', 'missing', 'awaited', 'dropped', 'unknown'] as const;
const LOST: readonly string[] = ['missing', 'dropped'];
const count = (number: number) => number.toLocaleString('en-US');

export function SettingsSources() {
  const { data, error, refetch } = useSources();
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { losses, items, total } = data;
  return (
    <section className={classes.card} aria-labelledby="sources">
      <h2 id="sources">{words.title}</h2>
      <p className={classes.help}>
        {words.help} {items.length === 0 && words.none}
      </p>
      {items.length > 0 && (
        <>
          <p className={losses.missing + losses.dropped > 0 ? classes.problem : classes.done} role="status">
            {words.losses(count(losses.missing), count(losses.awaited), count(losses.dropped))}
          </p>
          <TableFrame
            label={words.title}
            columns={[
              words.columns.source,
              words.columns.first,
              words.columns.last,
              ...COUNTS.map((name) => ({ name: words.columns[name], hint: words.hints[name] })),
            ]}
          >
            {items.map((source) => (
              <tr key={source.source} data-source={source.source}>
                <td className={classes.wrap}>
                  <code>{source.source}</code>
                  {source.gaps.length > 0 && (
                    <div className={classes.help}>
                      {words.gaps(source.gaps.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(', '))}
                    </div>
                  )}
                </td>
                <td>
                  <Ago time={source.first_heard} />
                </td>
                <td>
                  <Ago time={source.last_heard} />
                </td>
                {COUNTS.map((name) => (
                  <td key={name} data-lost={(LOST.includes(name) && source[name] > 0) || undefined}>
                    {count(source[name])}
                  </td>
                ))}
              </tr>
            ))}
          </TableFrame>
          {total > items.length && <p className={classes.help}>{words.more(count(total - items.length))}</p>}
        </>
      )}
    </section>
  );
}
