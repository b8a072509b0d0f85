// A dialog over the page, with its title and a way out of it.
import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './dialog.module.css';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What the button in its corner says to a screen reader. */
  closeLabel: string;
  children: ReactNode;
}

export function Dialog({ opened, onClose, title, closeLabel, children }: Props) {
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      centered
      size="md"
      transitionProps={{ duration: 120 }}
      classNames={{ content: classes.content }}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* No Modal.Header: it is a <header>, which would be a second banner of the page. */}
        <Modal.Body>
          <div className={classes.head}>
            <Modal.Title className={classes.title}>{title}</Modal.Title>
            <Modal.CloseButton aria-label={closeLabel} />
          </div>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
