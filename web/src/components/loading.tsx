// Says that something is on its way, once it has taken long enough to be noticed.
import { text } from '../lib/text';
import classes from './states.module.css';

export function Loading() {
  return (
    <p className={classes.loading} role="status">
      <span className="nt-pulse" aria-hidden />
      {text.loading}
    </p>
  );
}
