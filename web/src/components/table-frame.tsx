// A table with its columns, in a frame that scrolls where it is too wide.
import type { ReactNode } from 'react';
import classes from './form.module.css';

interface Props {
  label: string;
  /** Heads of columns, and what each says of itself on demand. */
  columns: readonly (string | { name: string; hint: string | undefined })[];
  /** Whether a last column holds what can be done. */
  actions?: boolean;
  /** How the frame and the table look; as in the settings where nothing is said. */
  styles?: CSSModuleClasses;
  children: ReactNode;
}

export function TableFrame({ label, columns, actions = false, styles = classes, children }: Props) {
  return (
    <div className={styles.frame} tabIndex={0} role="group" aria-label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((column, at) => {
              const { name, hint } = typeof column === 'string' ? { name: column, hint: undefined } : column;
              return (
                <th
                  // biome-ignore lint/suspicious/noArrayIndexKey: two columns may be called the same
                  key={at}
                  scope="col"
                  title={hint}
                >
                  {name}
                </th>
              );
            })}
            {actions && <td />}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
