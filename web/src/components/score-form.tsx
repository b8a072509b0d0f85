// The form of a judgement: thumbs, a number, a category or a text, under a name, with a reason.
import { Button, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { IconThumbDown, IconThumbUp } from '@tabler/icons-react';
import { type FormEvent, useId, useState } from 'react';
import { text } from '../lib/text';
import { type Draft, VERDICTS, type Verdict, verdictValue } from '../model/judging';
import { useScoreWords } from '../state/scores';
import button from './button.module.css';
import classes from './score-form.module.css';

const words = text.judging;
const KINDS = VERDICTS.map((value) => ({ value, label: words.verdicts[value] }));

interface Props {
  first: Draft;
  submit: string;
  busy: boolean;
  onSubmit: (draft: Draft) => void;
  onCancel?: () => void;
}

export function ScoreForm({ first, submit, busy, onSubmit, onCancel }: Props) {
  const [draft, setDraft] = useState(first);
  const names = useScoreWords(null, true);
  const values = useScoreWords(draft.name.trim(), draft.verdict === 'category');
  const list = useId();
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const turn = (verdict: Verdict) => change({ verdict, value: '', ...(verdict === 'thumbs' ? {} : { flag: false }) });
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (verdictValue(draft) !== null && draft.name.trim()) onSubmit(draft);
  };
  return (
    <form className={classes.form} onSubmit={send} aria-label={words.title}>
      <SegmentedControl
        size="xs"
        value={draft.verdict}
        data={KINDS}
        onChange={(value) => turn(value as Verdict)}
        aria-label={words.verdict}
        transitionDuration={100}
      />
      <TextInput
        size="xs"
        label={words.name}
        value={draft.name}
        list={`${list}-names`}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <datalist id={`${list}-names`}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {draft.verdict === 'thumbs' && <Thumbs value={draft.value} onChange={(value) => change({ value })} />}
      {(draft.verdict === 'number' || draft.verdict === 'category') && (
        <TextInput
          size="xs"
          label={words.value}
          value={draft.value}
          inputMode={draft.verdict === 'number' ? 'decimal' : 'text'}
          list={draft.verdict === 'category' ? `${list}-values` : undefined}
          onChange={(event) => change({ value: event.currentTarget.value })}
        />
      )}
      <datalist id={`${list}-values`}>
        {values.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      {draft.verdict === 'text' && (
        <Textarea
          size="xs"
          label={words.value}
          value={draft.value}
          autosize
          minRows={2}
          maxRows={6}
          onChange={(event) => change({ value: event.currentTarget.value })}
        />
      )}
      <Textarea
        size="xs"
        label={words.comment}
        value={draft.comment}
        autosize
        minRows={1}
        maxRows={6}
        onChange={(event) => change({ comment: event.currentTarget.value })}
      />
      <div className={classes.actions}>
        {onCancel && (
          <Button size="xs" variant="default" onClick={onCancel}>
            {text.settings.cancel}
          </Button>
        )}
        <Button size="xs" type="submit" loading={busy} disabled={verdictValue(draft) === null || !draft.name.trim()}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

export function Thumbs({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const icons = { positive: IconThumbUp, negative: IconThumbDown };
  return (
    <div className={classes.thumbs} role="group" aria-label={words.value}>
      {(['positive', 'negative'] as const).map((each) => {
        const Shape = icons[each];
        return (
          <button
            key={each}
            type="button"
            className={`${button.small} ${classes.thumb}`}
            data-verdict={each}
            aria-pressed={value === each}
            onClick={() => onChange(each)}
          >
            <Shape size={16} stroke={2} aria-hidden />
            {words.thumbs[each]}
          </button>
        );
      })}
    </div>
  );
}
