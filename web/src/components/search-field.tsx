// A search field that sends what is typed after a short rest, and follows changes from outside, such as going back in the history.
import { TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';

const REST_MS = 250;

/** What is in the field, and what of it has been sent. */
export function useTyped(
  value: string,
  onChange: (value: string) => void,
  ready: (value: string) => boolean = () => true,
) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  const send = (next: string) => {
    sent.current = next;
    onChange(next);
  };
  const sendLater = useDebouncedCallback((next: string) => {
    if (ready(next)) send(next);
  }, REST_MS);
  useEffect(() => {
    // NOTE: what comes back of our own sending must not take away a space that was typed since.
    if (value !== sent.current) setTyped(value);
    sent.current = value;
  }, [value]);
  return {
    typed,
    type: (next: string) => {
      setTyped(next);
      sendLater(next.trim());
    },
    /** At once, without waiting for a rest. */
    set: (next: string) => {
      setTyped(next);
      send(next.trim());
    },
  };
}

interface Props extends Omit<TextInputProps, 'value' | 'onChange'> {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

export function SearchField({ value, onChange, label, ...props }: Props) {
  const { typed, type, set } = useTyped(value, onChange);
  return (
    <TextInput
      size="xs"
      type="search"
      placeholder={label}
      aria-label={label}
      leftSection={<IconSearch size={15} stroke={1.8} />}
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') set(typed);
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
      {...props}
    />
  );
}
