// Who told the cost of a step or which price it was worked out by, and where a price that lacks is set.
import { Link } from '@tanstack/react-router';
import type { Price, SpanExplained } from '../api/types';
import { text } from '../lib/text';
import { formatAbsolute } from '../model/format';
import { parseTime } from '../model/time';
import { useSession } from '../state/queries';
import classes from './step-extras.module.css';

const words = text.step.explained;

/** Where the cost is from; else why there is none. */
export function CostOrigin({ span }: { span: SpanExplained }) {
  const { price, cost_source, cost_reason, cost_counted, no_cost } = span;
  return (
    <>
      {no_cost ? words.none[no_cost] : cost_source ? words.sources[cost_source] : words.nothing}
      {price && ` ${words.by(price.price.model, boundsOf(price.price))}`}
      {cost_source && !cost_counted && ` (${text.step.counted[cost_reason]})`}
    </>
  );
}

/** For which calls alone a price holds: what tells it from another one of the same model. */
export function boundsOf({ above, since }: Price): string[] {
  const bounds = text.settings.prices;
  return [
    ...(above ? [bounds.above(above.toLocaleString('en-US'))] : []),
    ...(since ? [bounds.since(formatAbsolute(parseTime(since)))] : []),
  ];
}

/** Leads who may to where a price is set. */
export function SetPrice() {
  const isAdmin = useSession().data?.scope === 'admin';
  return (
    isAdmin && (
      <Link to="/settings" search={{ tab: 'prices' }} className={classes.link}>
        {words.set}
      </Link>
    )
  );
}
