// The way from two turns or steps that stand beside each other to both of them compared by themselves.
import { Link } from '@tanstack/react-router';
import type { SpanRow } from '../api/types';
import { text } from '../lib/text';
import { searchOf, type Thing } from '../model/compare';
import classes from './compare.module.css';
import type { ComparedTurn, SectionName } from './compare-rows';

function thingOf(name: SectionName, item: unknown): Thing | null {
  if (item === null) return null;
  if (name === 'turns') return { trace: (item as ComparedTurn).trace_id };
  if (name !== 'steps') return null;
  const { trace_id: trace, span_id: step } = item as SpanRow;
  return { trace, step };
}

export function ComparePair({ name, left, right }: { name: SectionName; left: unknown; right: unknown }) {
  const [one, other] = [thingOf(name, left), thingOf(name, right)];
  if (!one || !other) return null;
  return (
    <Link to="/compare" search={searchOf(one, other)} className={classes.link}>
      {text.compare.pair}
    </Link>
  );
}
