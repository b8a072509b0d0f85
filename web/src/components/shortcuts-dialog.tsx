// The list of keys.
import { Kbd, Modal } from '@mantine/core';
import { Fragment } from 'react';
import { text } from '../lib/text';
import classes from './shortcuts-dialog.module.css';

export function ShortcutsDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      centered
      size="md"
      transitionProps={{ duration: 120 }}
      classNames={{ content: classes.dialog }}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* No Modal.Header: it is a <header>, which would be a second banner of the page. */}
        <Modal.Body>
          <div className={classes.head}>
            <Modal.Title className={classes.title}>{text.shortcuts.title}</Modal.Title>
            <Modal.CloseButton aria-label={text.shortcuts.close} />
          </div>
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
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
