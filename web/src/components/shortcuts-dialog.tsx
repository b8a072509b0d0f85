// The list of keys.
import { Kbd, Modal } from '@mantine/core';
import { Fragment } from 'react';
import { text } from '../lib/text';
import classes from './shortcuts-dialog.module.css';

export function ShortcutsDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={text.shortcuts.title}
      centered
      size="md"
      closeButtonProps={{ 'aria-label': text.shortcuts.close }}
      transitionProps={{ duration: 120 }}
    >
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
    </Modal>
  );
}
