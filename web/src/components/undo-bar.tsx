// Offers for a short while to take back what was just done.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { text } from '../lib/text';
import { offerUndo, useUndoable } from '../state/undo';
import classes from './undo-bar.module.css';

export function UndoBar() {
  const offered = useUndoable();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const undo = async () => {
    if (!offered) return;
    setBusy(true);
    setProblem(null);
    try {
      await offered.undo();
      offerUndo(null);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <div className={classes.place} role="status">
      {offered && (
        <div className={classes.bar}>
          <span>{problem ?? offered.message}</span>
          <Button size="compact-sm" variant="default" loading={busy} onClick={() => void undo()}>
            {text.judging.undo}
          </Button>
        </div>
      )}
    </div>
  );
}
