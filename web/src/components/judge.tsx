// Judging a conversation, a trace, a step or a whole selection: what was judged before, and the form.
import { ActionIcon, Button, Popover } from '@mantine/core';
import { IconThumbUp } from '@tabler/icons-react';
import { useState } from 'react';
import { text } from '../lib/text';
import { EMPTY, type Target } from '../model/judging';
import { useMayEdit } from '../state/queries';
import { useJudging, useScores } from '../state/scores';
import { Problem } from './problem';
import { ScoreForm } from './score-form';
import classes from './score-form.module.css';
import { ScoreList } from './score-list';

const words = text.judging;

/** The form behind a button, where the judgements themselves stand elsewhere on the page. */
export function JudgeForm({ targets, onDone }: { targets: Target[]; onDone?: () => void }) {
  const { make } = useJudging();
  return (
    <>
      <ScoreForm
        first={EMPTY}
        submit={words.submit}
        busy={make.isPending}
        onSubmit={(draft) => make.mutate({ targets, draft }, { onSuccess: () => onDone?.() })}
      />
      <Problem error={make.error} />
    </>
  );
}

/** For the head of a conversation or trace. */
export function JudgeButton({ target, size = 32 }: { target: Target; size?: number }) {
  const [opened, setOpened] = useState(false);
  const { data: scores = [] } = useScores(target, opened);
  const mayJudge = useMayEdit();
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      shadow="md"
      withinPortal
      trapFocus
      returnFocus
      hideDetached={false}
    >
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={size}
          aria-label={words.title}
          title={words.title}
          onClick={() => setOpened(!opened)}
        >
          <IconThumbUp size={18} stroke={1.7} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={12} aria-label={words.title}>
        <div className={classes.popover}>
          <h2>{words.title}</h2>
          {scores.length > 0 ? <ScoreList scores={scores} /> : !mayJudge && <p>{words.none}</p>}
          {mayJudge && (
            <div className={scores.length > 0 ? classes.judge : undefined}>
              <JudgeForm targets={[target]} onDone={() => setOpened(false)} />
            </div>
          )}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** For what is selected in a list. */
export function JudgeSelected({ targets, disabled }: { targets: Target[]; disabled: boolean }) {
  const [opened, setOpened] = useState(false);
  if (!useMayEdit()) return null;
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-start"
      shadow="md"
      withinPortal
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Button size="xs" variant="default" disabled={disabled} onClick={() => setOpened(!opened)}>
          {words.submit}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={12} aria-label={words.title}>
        <div className={classes.popover}>
          <JudgeForm targets={targets} onDone={() => setOpened(false)} />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
