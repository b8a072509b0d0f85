// A small button that copies a text and says so.
import { ActionIcon, Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { text as words } from '../lib/text';

const SHOWN_MS = 1500;

/** Browsers give the clipboard to secure origins only; a server in the local network usually is none. */
async function copy(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = value;
    area.style.position = 'fixed';
    area.style.opacity = '0';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

function useCopy(value: () => string) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const run = async () => {
    if (!(await copy(value()))) return;
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return { copied, run: () => void run() };
}

interface Props {
  /** A function, so that a large value is put together only when it is wanted. */
  value: () => string;
  label: string;
  icon?: ReactNode;
  size?: number;
}

export function CopyButton({ value, label, icon, size = 24 }: Props) {
  const { copied, run } = useCopy(value);
  const shown = copied ? words.content.copied : label;
  return (
    <ActionIcon variant="subtle" color="gray" size={size} aria-label={shown} title={shown} onClick={run}>
      {copied ? <IconCheck size={15} color="var(--nt-green)" /> : (icon ?? <IconCopy size={15} stroke={1.7} />)}
    </ActionIcon>
  );
}

export function CopyTextButton({ value, label }: Props) {
  const { copied, run } = useCopy(value);
  return (
    <Button
      size="compact-sm"
      fz={13}
      variant="default"
      leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
      onClick={run}
    >
      {copied ? words.content.copied : label}
    </Button>
  );
}
