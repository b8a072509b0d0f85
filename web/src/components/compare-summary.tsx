// The numbers of two things, and the fields and parameters that differ, as tables.
import type { Comparison } from '../api/types';
import { text } from '../lib/text';
import { differenceText, numberText } from '../model/compare';
import classes from './compare.module.css';
import { JsonTree } from './json-tree';
import tableClasses from './table.module.css';
import { TableFrame } from './table-frame';

const words = text.compare;

export function CompareNumbers({ numbers }: { numbers: Comparison['numbers'] }) {
  const { name, left, right, difference } = words.columns;
  return (
    <section aria-label={words.numbers}>
      <h2 className={classes.heading}>{words.numbers}</h2>
      <TableFrame label={words.numbers} columns={[name, left, right, difference]} styles={tableClasses}>
        {numbers.map((pair) => (
          <tr key={pair.name} data-number={pair.name}>
            <th scope="row">{words.names[pair.name] ?? pair.name}</th>
            <td>{numberText(pair.name, pair.left)}</td>
            <td>{numberText(pair.name, pair.right)}</td>
            <td className={classes.difference}>{differenceText(pair) ?? '–'}</td>
          </tr>
        ))}
      </TableFrame>
    </section>
  );
}

export function CompareFields({ fields }: { fields: Comparison['fields'] }) {
  return (
    <section aria-label={words.fields}>
      <h2 className={classes.heading}>{words.fields}</h2>
      {fields.length === 0 ? (
        <p className={classes.none}>{words.noFields}</p>
      ) : (
        <dl className={classes.fields}>
          {fields.map(({ name, left, right }) => (
            <div key={name} className={classes.field} data-field={name}>
              <dt>{name}</dt>
              <dd data-side="left">
                <Value value={left} />
              </dd>
              <dd data-side="right">
                <Value value={right} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className={classes.absent}>–</span>;
  if (typeof value === 'object') return <JsonTree value={value} openDepth={1} bare />;
  return <span className={classes.value}>{String(value)}</span>;
}
