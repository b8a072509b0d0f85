// Offers for a short while to take back what was just done.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { text } from '../lib/text';
import { offerUndo, type Undoable, useUndoable } from '../state/undo';
import classes from './undo-bar.module.css';

export function UndoBar() {
  const offered = useUndoable();
  const [busy, setBusy] = useState(false);
  /** Why something could not be taken back, and of what that is said: the next thing that can be has no part in it. */
  const [problem, setProblem] = useState<{ of: Undoable; message: string } | null>(null);
  const undo = async () => {
    if (!offered) return;
    setBusy(true);
    setProblem(null);
    try {
      await offered.undo();
      offerUndo(null);
    } catch (error) {
      setProblem({ of: offered, message: error instanceof Error ? error.message : String(error) });
    }
    setBusy(false);
  };
  return (
    <div className={classes.place} role="status">
      {offered && (
        <div className={classes.bar}>
          <span>{problem?.of === offered ? problem.message : offered.message}</span>
          <Button size="compact-sm" variant="default" loading={busy} onClick={() => void undo()}>
            {text.judging.undo}
          </Button>
        </div>
      )}
    </div>
  );
}
