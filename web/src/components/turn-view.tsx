// What was said in a turn: the user's bubble, the line that opens the steps, and the answer.
import { IconChevronRight, IconListTree } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Content, Turn, User } from '../api/types';
import { text } from '../lib/text';
import { contentText, isBlank, spoken } from '../model/content';
import {
  formatAbsolute,
  formatClock,
  formatCost,
  formatCount,
  formatDuration,
  plural,
  userName,
} from '../model/format';
import type { Group } from '../model/outline';
import { parseTime } from '../model/time';
import { turnTotals } from '../model/turn-totals';
import { useAge } from './ago';
import { Avatar } from './avatar';
import button from './button.module.css';
import { ContentView, Parts } from './content-view';
import { CopyButton } from './copy-button';
import { Mark } from './mark';
import { ScoreList } from './score-list';
import { ErrorBadge, Running } from './signals';
import classes from './turn-view.module.css';

/** Higher than this, a bubble is cut off until the reader asks for the rest. */
const MAX_HEIGHT = 420;

function Said({ content }: { content: Content }) {
  const words = spoken(content) ?? content;
  const message = words.type === 'messages' && words.messages.length === 1 ? words.messages[0] : undefined;
  return (
    <Clamp>
      {/* The bubble already says who speaks. */}
      {message ? <Parts parts={message.parts} /> : <ContentView content={words} />}
    </Clamp>
  );
}

function Clamp({ children }: { children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [tall, setTall] = useState(false);
  const [all, setAll] = useState(false);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setTall(element.scrollHeight > MAX_HEIGHT + 60));
    // The content may grow later, when the formatter has been loaded.
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  const cut = tall && !all;
  return (
    <>
      <div
        ref={box}
        className={classes.clamp}
        data-cut={cut || undefined}
        style={cut ? { maxHeight: MAX_HEIGHT } : undefined}
      >
        <div>{children}</div>
      </div>
      {cut && (
        <button type="button" className={`${button.words} ${classes.more}`} onClick={() => setAll(true)}>
          {text.content.showRest}
        </button>
      )}
    </>
  );
}

export function Ask({ turn, index, user }: { turn: Turn; index: number; user: User | null }) {
  const time = parseTime(turn.start_time);
  return (
    <div className={classes.ask}>
      <div className={classes.when}>
        <span>{text.conversation.turn(index + 1)}</span>
        {time !== null && (
          <time dateTime={turn.start_time} title={formatAbsolute(time)}>
            {formatClock(time)}
          </time>
        )}
        <Link
          to="/traces/$traceId"
          params={{ traceId: turn.trace_id }}
          className={classes.traceLink}
          title={text.conversation.openTrace}
        >
          {text.conversation.trace}
        </Link>
      </div>
      {turn.input && !isBlank(turn.input) && (
        <div className={classes.askLine}>
          <CopyButton value={() => contentText(turn.input!)} label={`${text.content.copy}: ${text.step.input}`} />
          <div className={classes.userBubble} data-bubble="user">
            <Said content={turn.input} />
          </div>
          <span title={userName(user) ?? text.list.anonymous}>
            <Avatar user={user} size={30} />
          </span>
        </div>
      )}
    </div>
  );
}

interface BarProps {
  group: Group;
  turn: Turn;
  open: boolean;
  onToggle: () => void;
}

export function StepsBar({ group, turn, open, onToggle }: BarProps) {
  const age = useAge(turn.start_time, turn.running);
  const { tokens, cost } = useMemo(() => turnTotals(group.spans), [group.spans]);
  const errors = group.spans.filter((span) => span.status === 'error').length;
  return (
    <div className={classes.bar}>
      <button
        type="button"
        className={classes.barButton}
        aria-expanded={open}
        data-steps-of={group.key}
        onClick={onToggle}
      >
        <IconChevronRight size={14} stroke={2.2} className={classes.chevron} aria-hidden />
        <IconListTree size={15} stroke={1.8} aria-hidden />
        {plural(group.spans.length, 'step')}
        <span className="nt-num">· {formatDuration(age ?? turn.duration_ms)}</span>
        {tokens !== null && <span className="nt-num">· {text.tok(formatCount(tokens))}</span>}
        {cost !== null && <span className="nt-num">· {formatCost(cost)}</span>}
      </button>
      <ErrorBadge count={errors} />
      {turn.running && <Running />}
      <span className={classes.rule} aria-hidden />
    </div>
  );
}

export function Answer({ turn }: { turn: Turn }) {
  const scores = turn.scores.map((score) => ({
    ...score,
    trace_id: turn.trace_id,
    span_id: turn.span_id ?? '',
    conversation_id: turn.spans[0]?.conversation_id ?? '',
  }));
  const blank = isBlank(turn.output);
  const failed = turn.status === 'error';
  return (
    <div className={classes.answer}>
      <span className={classes.assistant} title={text.conversation.assistant}>
        <Mark size={30} />
      </span>
      <div className={classes.answerBody}>
        {turn.output && !blank ? (
          <div className={classes.assistantBubble} data-bubble="assistant" data-failed={failed || undefined}>
            <Said content={turn.output} />
          </div>
        ) : (
          <p className={classes.none} data-failed={failed || undefined}>
            {turn.running && <span className="nt-pulse" aria-hidden />}
            {turn.running ? text.conversation.thinking : failed ? text.conversation.failed : text.conversation.noOutput}
          </p>
        )}
        {turn.scores.length > 0 && (
          <div className={classes.scores}>
            <ScoreList scores={scores} />
          </div>
        )}
      </div>
      {turn.output && !blank && (
        <CopyButton value={() => contentText(turn.output!)} label={`${text.content.copy}: ${text.step.output}`} />
      )}
    </div>
  );
}
