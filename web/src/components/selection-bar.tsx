// What can be done with the conversations that are selected in the list: keep them as a file, or erase them for good.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api } from '../api/client';
import { saveFile } from '../lib/save-file';
import { text } from '../lib/text';
import { searchOf } from '../model/compare';
import { pretty } from '../model/content';
import { plural } from '../model/format';
import { useSession } from '../state/queries';
import { useErase } from '../state/settings';
import { ConfirmButton } from './confirm-button';
import { JudgeSelected } from './judge';
import classes from './list-tools.module.css';

const words = text.selection;

interface Props {
  picked: ReadonlySet<string>;
  onClear: () => void;
}

export function SelectionBar({ picked, onClear }: Props) {
  const { data: session } = useSession();
  const erase = useErase();
  const [note, setNote] = useState<string | null>(null);
  const [erased, setErased] = useState(0);
  const [busy, setBusy] = useState(false);
  const conversations = plural(picked.size, 'conversation');
  // What was erased before is told until something else is selected.
  useEffect(() => {
    if (picked.size > 0) setErased(0);
  }, [picked.size]);

  /** One after the other, so that many conversations do not have to be held by the server at once. */
  const run = async (each: (id: string, done: number) => Promise<void>, end: () => void) => {
    setBusy(true);
    setNote(null);
    try {
      let done = 0;
      for (const id of picked) {
        await each(id, done);
        done += 1;
      }
      end();
    } catch (error) {
      setNote(words.failed(error instanceof Error ? error.message : String(error)));
    }
    setBusy(false);
  };
  const save = () => {
    const transcripts: unknown[] = [];
    return run(
      async (id, done) => {
        setNote(words.exporting(done + 1, picked.size));
        transcripts.push(await api.conversation(id));
      },
      () => {
        saveFile('conversations.json', 'application/json', pretty(transcripts));
        setNote(null);
      },
    );
  };
  const eraseAll = () =>
    run(
      async (id) => {
        await erase.mutateAsync({ conversation_id: id });
      },
      () => {
        setErased(picked.size);
        onClear();
      },
    );

  if (picked.size === 0 && erased === 0) return null;
  return (
    <div className={classes.selection} role="status">
      {picked.size > 0 ? (
        <>
          <strong>{words.selected(conversations)}</strong>
          <JudgeSelected targets={[...picked].map((conversation) => ({ conversation }))} disabled={busy} />
          {picked.size === 2 && <CompareTwo picked={picked} />}
          <Button size="xs" variant="default" loading={busy} onClick={() => void save()}>
            {words.export}
          </Button>
          {session?.scope === 'admin' && (
            <ConfirmButton
              label={words.erase}
              title={words.eraseTitle}
              help={words.eraseHelp(conversations)}
              loading={busy}
              onConfirm={() => void eraseAll()}
            />
          )}
          <Button size="xs" variant="subtle" color="gray" onClick={onClear}>
            {words.clear}
          </Button>
        </>
      ) : (
        <span>
          {words.erased(plural(erased, 'conversation'))}{' '}
          <Link to="/settings" search={{ tab: 'erasure' }}>
            {words.receipts}
          </Link>
        </span>
      )}
      {note && <span>{note}</span>}
    </div>
  );
}

function CompareTwo({ picked }: { picked: ReadonlySet<string> }) {
  const [left, right] = [...picked];
  return (
    <Button
      size="xs"
      variant="default"
      renderRoot={(props) => (
        <Link to="/compare" search={searchOf({ conversation: left }, { conversation: right })} {...props} />
      )}
    >
      {text.compare.selected}
    </Button>
  );
}
