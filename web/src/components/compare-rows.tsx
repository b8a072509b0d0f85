// An alignment of two sides: what they share folded away, what differs side by side with its words marked.
import { useMemo, useState } from 'react';
import type { Aligned, Content, SpanRow } from '../api/types';
import { text } from '../lib/text';
import { contentOfItem, countSame, plainText, type Row, rowsOf } from '../model/compare';
import { formatCost, formatDuration, plural } from '../model/format';
import { diffWords, type Piece } from '../model/word-diff';
import classes from './compare.module.css';
import { ComparePair } from './compare-pair';
import { ContentView } from './content-view';
import { KindIcon } from './kind-icon';
import pill from './pill.module.css';
import { ErrorBadge } from './signals';

const words = text.compare;
/** Rows that are drawn before the reader asks for more. */
const SHOWN = 200;

export type SectionName = keyof typeof words.sections;

/** A turn as the API tells it for comparing. */
export interface ComparedTurn {
  trace_id: string;
  span_id: string | null;
  input: Content | null;
  output: Content | null;
  status: string;
  duration_ms: number | null;
  steps: number;
}

export function CompareSection({ name, aligned }: { name: SectionName; aligned: Aligned }) {
  const rows = useMemo(() => rowsOf(aligned), [aligned]);
  const [shown, setShown] = useState(SHOWN);
  const { same, all } = countSame(aligned);
  if (all === 0) return null;
  const count = (number: number) => number.toLocaleString('en-US');
  return (
    <section aria-label={words.sections[name]} data-compared={name}>
      <h2 className={classes.heading}>
        {words.sections[name]} <small>{words.shared(count(same), count(all))}</small>
      </h2>
      <div className={classes.rows}>
        {rows.slice(0, shown).map((row) => (
          <RowView key={row.key} name={name} row={row} />
        ))}
      </div>
      {rows.length > shown && (
        <button type="button" className={pill.fold} onClick={() => setShown(rows.length)}>
          {words.more(count(rows.length - shown))}
        </button>
      )}
    </section>
  );
}

function RowView({ name, row }: { name: SectionName; row: Row }) {
  if (row.type === 'fork') {
    return (
      <p className={classes.fork} data-fork>
        <span>{words.fork}</span>
      </p>
    );
  }
  if (row.type === 'same') return <Same name={name} items={row.items} />;
  return (
    <div className={classes.pair} data-pair>
      <Side name={name} side="left" item={row.left} other={row.right} />
      <Side name={name} side="right" item={row.right} other={row.left} />
      <ComparePair name={name} left={row.left} right={row.right} />
    </div>
  );
}

function Same({ name, items }: { name: SectionName; items: unknown[] }) {
  const [open, setOpen] = useState(false);
  const label = items.length === 1 ? words.sameOne(words.one[name]) : words.same(items.length, words.items[name]);
  return (
    <>
      <button type="button" className={pill.fold} aria-expanded={open} onClick={() => setOpen(!open)}>
        = {label}
      </button>
      {open &&
        items.slice(0, SHOWN).map((item, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items never change place within a comparison
          <div key={at} className={classes.same}>
            <ItemView name={name} item={item} other={null} side="left" />
          </div>
        ))}
    </>
  );
}

interface ItemProps {
  name: SectionName;
  side: 'left' | 'right';
  item: unknown;
  other: unknown;
}

function Side(props: ItemProps) {
  const { side, item } = props;
  return (
    <div className={classes.side} data-side={side}>
      <span className={classes.sideName}>{words.sides[side]}</span>
      {item === null ? <span className={classes.absent}>{words.absent}</span> : <ItemView {...props} />}
    </div>
  );
}

function ItemView({ name, item, other, side }: ItemProps) {
  if (name === 'steps') return <StepItem span={item as SpanRow} other={other as SpanRow | null} side={side} />;
  if (name === 'turns')
    return <TurnItem turn={item as ComparedTurn} other={other as ComparedTurn | null} side={side} />;
  return (
    <Said
      content={contentOfItem(item)}
      other={other === null ? null : contentOfItem(other)}
      side={side}
      role={roleOf(item)}
    />
  );
}

function roleOf(item: unknown): string | null {
  return typeof item === 'object' && item !== null && 'role' in item ? String(item.role) : null;
}

interface SaidProps {
  content: Content;
  other: Content | null;
  side: 'left' | 'right';
  role?: string | null;
}

/** Words with those marked that the other side does not have; anything but words as it is. */
function Said({ content, other, side, role }: SaidProps) {
  const own = plainText(content);
  // A turn shows who speaks by itself; a message of one side alone shows its role in its frame.
  const theirs = other === null && role === undefined ? own : plainText(other);
  if (own === null || theirs === null) return <ContentView content={content} />;
  return (
    <>
      {role && <span className={classes.role}>{role}</span>}
      <Marked own={own} theirs={theirs} side={side} />
    </>
  );
}

function Marked({ own, theirs, side }: { own: string; theirs: string; side: 'left' | 'right' }) {
  const pieces = useMemo(() => {
    const found = side === 'left' ? diffWords(own, theirs) : diffWords(theirs, own);
    return found[side];
  }, [own, theirs, side]);
  const Changed = side === 'left' ? 'del' : 'ins';
  return (
    <p className={classes.words}>
      {pieces.map(({ text: piece, changed }: Piece, at) =>
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never change place
        changed ? <Changed key={at}>{piece}</Changed> : <span key={at}>{piece}</span>,
      )}
    </p>
  );
}

function TurnItem({ turn, other, side }: { turn: ComparedTurn; other: ComparedTurn | null; side: 'left' | 'right' }) {
  return (
    <>
      {turn.input && (
        <div className={classes.asked}>
          <Said content={turn.input} other={other?.input ?? null} side={side} />
        </div>
      )}
      {turn.output && <Said content={turn.output} other={other?.output ?? null} side={side} />}
      <span className={classes.facts}>
        {formatDuration(turn.duration_ms)} · {plural(turn.steps, 'step')}
        <ErrorBadge count={turn.status === 'error' ? 1 : 0} />
      </span>
    </>
  );
}

function StepItem({ span, other, side }: { span: SpanRow; other: SpanRow | null; side: 'left' | 'right' }) {
  const said = (preview: string | null | undefined, theirs: string | null | undefined) =>
    preview && <Marked own={preview} theirs={other ? (theirs ?? '') : preview} side={side} />;
  return (
    <>
      <span className={classes.step}>
        <KindIcon kind={span.kind} size={20} />
        <strong>{span.name}</strong>
        {span.model && <span>{span.model}</span>}
        <span>{formatDuration(span.duration_ms)}</span>
        {span.cost != null && <span>{formatCost(span.cost)}</span>}
        <ErrorBadge count={span.status === 'error' ? 1 : 0} />
      </span>
      {said(span.input_preview, other?.input_preview)}
      {said(span.output_preview, other?.output_preview)}
    </>
  );
}
