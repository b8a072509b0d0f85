// Closes the panel that it stands in the head of.
import { ActionIcon } from '@mantine/core';
import { IconX } from '@tabler/icons-react';

interface Props {
  label: string;
  /** What else it says to the pointer. */
  title?: string;
  onClose: () => void;
}

export function CloseButton({ label, title = label, onClose }: Props) {
  return (
    <ActionIcon variant="subtle" color="gray" size={30} aria-label={label} title={title} onClick={onClose}>
      <IconX size={18} stroke={1.8} />
    </ActionIcon>
  );
}
