// The initials of a user on the user's own colour.
import { IconUser } from '@tabler/icons-react';
import type { User } from '../api/types';
import { hueOf, initials, userName } from '../model/format';
import classes from './avatar.module.css';

export function Avatar({ user, size = 28 }: { user: User | null | undefined; size?: number }) {
  const name = userName(user);
  if (!name) {
    return (
      <span className={classes.none} style={{ width: size, height: size }} aria-hidden>
        <IconUser size={size * 0.55} stroke={1.7} />
      </span>
    );
  }
  const style = { width: size, height: size, fontSize: size * 0.39, '--hue': hueOf(user?.id ?? name) };
  return (
    <span className={classes.avatar} style={style as React.CSSProperties} aria-hidden>
      {initials(name)}
    </span>
  );
}
