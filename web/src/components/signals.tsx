// Small marks of a row: errors, what users thought, something still running.
import { IconAlertCircle, IconThumbDown, IconThumbUp } from '@tabler/icons-react';
import type { FeedbackCounts, ScoreTotals } from '../api/types';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { plural } from '../model/format';
import classes from './signals.module.css';

export function ErrorBadge({ count }: { count: number }) {
  if (count === 0) return null;
  const label = plural(count, 'error');
  return (
    <span className={classes.badge} data-tone="red" title={label}>
      <IconAlertCircle size={13} stroke={2} aria-hidden />
      <span aria-hidden>{count}</span>
      <span className={classes.hidden}>{label}</span>
    </span>
  );
}

export function Feedback({ counts }: { counts: FeedbackCounts }) {
  return (
    <>
      {counts.positive > 0 && (
        <span className={classes.badge} data-tone="green" title={text.feedback.positive}>
          <IconThumbUp size={13} stroke={2} role="img" aria-label={text.feedback.positive} />
          {counts.positive > 1 && counts.positive}
        </span>
      )}
      {counts.negative > 0 && (
        <span className={classes.badge} data-tone="amber" title={text.feedback.negative}>
          <IconThumbDown size={13} stroke={2} role="img" aria-label={text.feedback.negative} />
          {counts.negative > 1 && counts.negative}
        </span>
      )}
    </>
  );
}

/** The judgements besides the thumbs, each name with its mean or its most frequent category. */
export function ScoreSums({ scores }: { scores: ScoreTotals[] }) {
  return scores
    .filter(({ name }) => name !== 'feedback')
    .map(({ name, mean, values, count }) => (
      <span
        key={name}
        className={classes.badge}
        data-tone="plain"
        data-score-sum={name}
        title={`${isolated(name)} (${count})`}
      >
        {isolated(name)} {mean != null ? Number(mean.toFixed(3)) : values[0]?.value}
      </span>
    ));
}

export function Running({ label = text.list.running }: { label?: string }) {
  return (
    <span className={classes.badge} data-tone="brand">
      <span className="nt-pulse" aria-hidden />
      {label}
    </span>
  );
}
