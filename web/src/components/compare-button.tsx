// Holds a conversation, trace or step for comparing; where another of its kind is held, leads to both beside each other.
import { ActionIcon, Button } from '@mantine/core';
import { IconColumns2, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { text } from '../lib/text';
import { kindOf, sameThing, searchOf, type Thing } from '../model/compare';
import { hold, useHeld } from '../state/comparing';
import classes from './compare-button.module.css';

const words = text.compare;

export function CompareButton({ thing, title, size = 30 }: { thing: Thing; title: string; size?: number }) {
  const held = useHeld();
  const kind = kindOf(thing);
  if (kind === null) return null;
  const other = held && kindOf(held.thing) === kind && !sameThing(held.thing, thing) ? held : null;
  const icon = <IconColumns2 size={17} stroke={1.8} />;
  if (other) {
    return (
      <Button
        size="compact-sm"
        c="white"
        flex="none"
        leftSection={icon}
        title={words.with(other.title)}
        onClick={() => hold(null)}
        renderRoot={(props) => <Link to="/compare" search={searchOf(other.thing, thing)} {...props} />}
      >
        {words.selected}
      </Button>
    );
  }
  const on = held !== null && sameThing(held.thing, thing);
  const label = on ? words.forget : words.hold(words.kinds[kind]);
  return (
    <ActionIcon
      variant={on ? 'light' : 'subtle'}
      color={on ? 'brand' : 'gray'}
      size={size}
      aria-label={label}
      title={label}
      aria-pressed={on}
      onClick={() => hold(on ? null : { thing, title })}
    >
      {icon}
    </ActionIcon>
  );
}

/** Says at the foot of every page what is held, so that it is not forgotten on the way to the other one. */
export function CompareBar() {
  const held = useHeld();
  const kind = held && kindOf(held.thing);
  if (!held || !kind) return null;
  return (
    <div className={classes.bar} role="status">
      <IconColumns2 size={17} stroke={1.8} aria-hidden />
      <span>{words.held(words.kinds[kind], held.title)}</span>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={26}
        aria-label={words.forget}
        title={words.forget}
        onClick={() => hold(null)}
      >
        <IconX size={16} stroke={1.8} />
      </ActionIcon>
    </div>
  );
}
