// What a chart tells a screen reader: how keys move about in it, and what stands at its cursor.
import { VisuallyHidden } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { throttle } from '../lib/throttle';

/** A key that is held down moves faster than anybody speaks. */
const REST_MS = 400;

interface Props {
  /** What the chart names as its description. */
  id: string;
  help: string;
  words: string;
}

export function Spoken({ id, help, words }: Props) {
  const said = useThrottled(words);
  return (
    <>
      <span id={id} hidden>
        {help}
      </span>
      <VisuallyHidden aria-live="polite" aria-atomic="true">
        {said}
      </VisuallyHidden>
    </>
  );
}

/** The words at once when it has been quiet, and the last ones of a burst. */
function useThrottled(words: string): string {
  const [said, setSaid] = useState('');
  const latest = useRef(words);
  const [tell] = useState(() => throttle(() => setSaid(latest.current), REST_MS));
  useEffect(() => {
    latest.current = words;
    tell();
  }, [words, tell]);
  useEffect(() => tell.cancel, [tell]);
  return said;
}
