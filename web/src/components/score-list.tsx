// Judgements: thumbs of users and the verdicts of evaluators.
import { IconThumbDown, IconThumbUp } from '@tabler/icons-react';
import type { Score } from '../api/types';
import { text } from '../lib/text';
import { Ago } from './ago';
import classes from './score-list.module.css';

function verdict(score: Score): 'positive' | 'negative' | null {
  const { value } = score;
  if (value === 'positive' || value === true) return 'positive';
  if (value === 'negative' || value === false) return 'negative';
  return null;
}

function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toFixed(4)));
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

export function ScoreList({ scores }: { scores: Score[] }) {
  return (
    <ul className={classes.list}>
      {scores.map((score) => (
        <li key={score.id} className={classes.score} data-verdict={verdict(score) ?? undefined}>
          <ScoreMark score={score} />
          <div className={classes.words}>
            <span className={classes.name}>{score.name}</span>{' '}
            <span className={classes.value}>{valueText(score.value)}</span>
            {score.comment && <p className={classes.comment}>{score.comment}</p>}
          </div>
          <span className={classes.by}>
            {score.source}
            {score.time && (
              <>
                {' · '}
                <Ago time={score.time} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

export function ScoreMark({ score }: { score: Score }) {
  const sign = verdict(score);
  if (sign === 'positive')
    return <IconThumbUp size={16} stroke={2} className={classes.up} role="img" aria-label={text.feedback.positive} />;
  if (sign === 'negative')
    return (
      <IconThumbDown size={16} stroke={2} className={classes.down} role="img" aria-label={text.feedback.negative} />
    );
  return null;
}
