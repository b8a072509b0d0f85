// Judgements: thumbs of users and the verdicts of evaluators, corrected and withdrawn at their place.
import { ActionIcon } from '@mantine/core';
import { IconPencil, IconThumbDown, IconThumbUp, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { Score, Scored } from '../api/types';
import { text } from '../lib/text';
import { draftOf, thumbOf } from '../model/judging';
import { useMayEdit } from '../state/queries';
import { useJudging } from '../state/scores';
import { Ago } from './ago';
import { Problem } from './problem';
import { ScoreForm } from './score-form';
import classes from './score-list.module.css';

const words = text.judging;

function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toFixed(4)));
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** One id may judge a step, and what it is a part of. */
const placeOf = (score: Scored) => `${score.span_id}/${score.target ?? 'span'}/${score.id}`;

export function ScoreList({ scores }: { scores: Scored[] }) {
  const mayJudge = useMayEdit();
  const [changing, setChanging] = useState<string | null>(null);
  const { correct, withdraw } = useJudging();
  return (
    <>
      <ul className={classes.list}>
        {scores.map((score) => (
          <li
            key={placeOf(score)}
            className={classes.score}
            data-score={score.name}
            data-verdict={thumbOf(score.value) ?? undefined}
          >
            {changing === placeOf(score) ? (
              <div className={classes.change}>
                <ScoreForm
                  first={draftOf(score)}
                  submit={words.correct}
                  busy={correct.isPending}
                  onCancel={() => setChanging(null)}
                  onSubmit={(draft) => correct.mutate({ old: score, draft }, { onSuccess: () => setChanging(null) })}
                />
              </div>
            ) : (
              <>
                <ScoreMark score={score} />
                <div className={classes.words}>
                  <bdi className={classes.name}>{score.name}</bdi>{' '}
                  <bdi className={classes.value}>{valueText(score.value)}</bdi>
                  {score.comment && <p className={classes.comment}>{score.comment}</p>}
                  <span className={classes.by}>
                    {score.target && score.target !== 'span' && `${words.of[score.target]} · `}
                    <bdi>{score.author ?? score.source}</bdi>
                    {score.time && (
                      <>
                        {' · '}
                        <Ago time={score.time} />
                      </>
                    )}
                  </span>
                </div>
                {mayJudge && (
                  <span className={classes.actions}>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      size={24}
                      aria-label={words.change(score.name)}
                      title={words.change(score.name)}
                      onClick={() => setChanging(placeOf(score))}
                    >
                      <IconPencil size={14} stroke={1.8} />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      size={24}
                      aria-label={words.withdraw(score.name)}
                      title={words.withdraw(score.name)}
                      loading={withdraw.isPending && placeOf(withdraw.variables) === placeOf(score)}
                      onClick={() => withdraw.mutate(score)}
                    >
                      <IconX size={14} stroke={2} />
                    </ActionIcon>
                  </span>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
      <Problem error={correct.error ?? withdraw.error} />
    </>
  );
}

function ScoreMark({ score }: { score: Score }) {
  const sign = thumbOf(score.value);
  if (sign === 'positive')
    return <IconThumbUp size={16} stroke={2} className={classes.up} role="img" aria-label={text.feedback.positive} />;
  if (sign === 'negative')
    return (
      <IconThumbDown size={16} stroke={2} className={classes.down} role="img" aria-label={text.feedback.negative} />
    );
  return null;
}
