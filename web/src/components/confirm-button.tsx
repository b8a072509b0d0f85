// A button for what cannot be undone: it says what will happen and asks once more.
import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { text } from '../lib/text';
import { Dialog } from './dialog';
import formClasses from './form.module.css';

interface Props {
  label: string;
  title: string;
  help: string;
  disabled?: boolean;
  loading?: boolean;
  onConfirm: () => void;
}

export function ConfirmButton({ label, title, help, disabled, loading, onConfirm }: Props) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="default" c="var(--nt-red)" size="xs" disabled={disabled} loading={loading} onClick={open}>
        {label}
      </Button>
      <Dialog opened={opened} onClose={close} title={title} closeLabel={text.settings.cancel}>
        <p className={formClasses.help}>{help}</p>
        <div className={formClasses.actions}>
          <Button variant="default" onClick={close} data-autofocus>
            {text.settings.cancel}
          </Button>
          <Button
            color="red.9"
            onClick={() => {
              close();
              onConfirm();
            }}
          >
            {label}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
