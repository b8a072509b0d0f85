// Opens what explains the totals beside it, and closes it.
import { useEffect, useRef } from 'react';
import { text } from '../lib/text';
import classes from './why-button.module.css';

export function WhyButton({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(open);
  // What was closed had the focus, unless the reader was elsewhere.
  useEffect(() => {
    if (wasOpen.current && !open && document.activeElement === document.body) button.current?.focus();
    wasOpen.current = open;
  }, [open]);
  return (
    <button
      ref={button}
      type="button"
      className={classes.why}
      aria-expanded={open}
      aria-label={text.figures.title}
      title={text.figures.title}
      onClick={onToggle}
    >
      {text.figures.open}
    </button>
  );
}
