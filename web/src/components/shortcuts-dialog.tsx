// The list of keys.
import { Kbd } from '@mantine/core';
import { Fragment } from 'react';
import { text } from '../lib/text';
import { Dialog } from './dialog';
import classes from './shortcuts-dialog.module.css';

export function ShortcutsDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title={text.shortcuts.title} closeLabel={text.shortcuts.close}>
      <dl className={classes.list}>
        {text.shortcuts.rows.map(([names, does]) => (
          <Fragment key={does}>
            <dt>
              {names.map((name) => (
                <Kbd key={name}>{name}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>
  );
}
