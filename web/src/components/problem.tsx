// What went wrong with what was asked for here, in the server's words.
import classes from './form.module.css';

export function Problem({ error }: { error: Error | null }) {
  return error ? (
    <p className={classes.problem} role="alert">
      {error.message}
    </p>
  ) : null;
}
