// A small button that opens what it is about below itself.
import { ActionIcon, Popover } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import classes from './list-tools.module.css';

interface Props {
  label: string;
  icon: ReactNode;
  children: (close: () => void) => ReactNode;
}

export function Dropdown({ label, icon, children }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" shadow="md" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon variant="default" size={32} aria-label={label} title={label} onClick={() => setOpened(!opened)}>
          {icon}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={10} aria-label={label}>
        <div className={classes.menu}>{children(() => setOpened(false))}</div>
      </Popover.Dropdown>
    </Popover>
  );
}
