// One step in the tree: what it is, what it said, and when it ran within its turn.
import { IconChevronRight } from '@tabler/icons-react';
import { memo } from 'react';
import type { SpanRow } from '../api/types';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { formatCount, formatDuration, totalTokens } from '../model/format';
import { plainWords } from '../model/plain-words';
import type { StepRow as Row } from '../model/steps';
import { barOf, type Extent } from '../model/waterfall';
import { useNow } from '../state/clock';
import { useAge } from './ago';
import { KindIcon, kindName } from './kind-icon';
import classes from './step-row.module.css';

const INDENT = 18;
/** Deeper levels are not indented further: the names must stay readable. */
const MAX_INDENT = 12;

interface Props {
  row: Row;
  extent: Extent | null;
  selected: boolean;
  /** How long it worked itself, in milliseconds, where the page shows that. */
  self?: number;
  /** Whether the end of the trace had to wait for it. */
  critical?: boolean;
  onSelect: (span: SpanRow) => void;
  onToggle: (nodeId: string) => void;
}

export const StepRow = memo(function StepRow({ row, extent, selected, self, critical, onSelect, onToggle }: Props) {
  const { node, depth, expanded } = row;
  const { span } = node;
  const hasChildren = node.children.length > 0;
  const what = span ? isolated(span.name) : text.step.unknownParent;
  const style = { '--indent': `${Math.min(depth, MAX_INDENT) * INDENT}px` } as React.CSSProperties;
  return (
    <div
      className={classes.row}
      style={style}
      data-selected={selected || undefined}
      data-error={span?.status === 'error' || undefined}
    >
      <span className={classes.guides} aria-hidden />
      {hasChildren ? (
        <button
          type="button"
          className={classes.chevron}
          data-open={expanded || undefined}
          aria-expanded={expanded}
          aria-label={`${expanded ? text.step.collapse : text.step.expand} ${what}`}
          tabIndex={-1}
          onClick={() => onToggle(node.id)}
        >
          <IconChevronRight size={14} stroke={2.2} aria-hidden />
        </button>
      ) : (
        <span className={classes.leaf} />
      )}
      {span ? (
        <Step
          span={span}
          depth={depth}
          extent={extent}
          selected={selected}
          self={self}
          critical={critical}
          onSelect={onSelect}
        />
      ) : (
        <span className={classes.unknown} title={text.step.unknownParentHint(node.unknownParent ?? '')}>
          <KindIcon kind="unknown" />
          {text.step.unknownParent}
          <span className={classes.preview}>{node.unknownParent}</span>
        </span>
      )}
    </div>
  );
});

interface StepProps extends Omit<Props, 'row' | 'onToggle'> {
  span: SpanRow;
  depth: number;
}

function Step({ span, depth, extent, selected, self, critical, onSelect }: StepProps) {
  const now = useNow(span.running ? 1000 : null);
  const age = useAge(span.start_time, span.running);
  const bar = barOf(span, extent, now);
  const tokens = totalTokens(span.usage);
  const kind = kindName(span.kind);
  const preview = span.output_preview ?? span.input_preview;
  const named = span.name.toLowerCase() !== span.kind.toLowerCase();
  return (
    <button
      type="button"
      className={classes.step}
      data-step={span.span_id}
      aria-current={selected || undefined}
      onClick={() => onSelect(span)}
    >
      <KindIcon kind={span.kind} />
      <span className={classes.label}>
        <span className={classes.name} title={span.name}>
          {named ? span.name : kind}
        </span>
        {named && <span className={classes.kind}>{kind}</span>}
        <span className={classes.srOnly}>
          , {text.step.level(depth + 1)}
          {span.status === 'error' && `, ${text.step.error}`}
        </span>
        {preview && <span className={classes.preview}>{plainWords(preview)}</span>}
      </span>
      {span.model && (
        <span className={classes.meta} title={span.model}>
          {span.model}
        </span>
      )}
      {tokens !== null && (
        <span
          className={classes.tokens}
          data-uncounted={!span.usage_counted || undefined}
          title={text.step.counted[span.usage_reason]}
        >
          {text.tok(formatCount(tokens))}
        </span>
      )}
      <span className={classes.track} data-kind={span.kind} aria-hidden>
        {bar && (
          <span
            className={classes.bar}
            data-running={span.running || undefined}
            data-critical={critical || undefined}
            data-unfinished={span.state === 'unfinished' || undefined}
            style={{
              left: `${bar.left}%`,
              width: `max(3px, ${bar.width}%)`,
              maxWidth: `calc(100% - ${Math.min(bar.left, 97)}%)`,
            }}
          />
        )}
      </span>
      {self !== undefined && (
        <span className={classes.self} title={text.trace.selfHint}>
          {formatDuration(self)}
        </span>
      )}
      <span className={classes.duration} data-running={span.running || undefined}>
        {span.state === 'unfinished' ? text.step.unfinished : formatDuration(age ?? span.duration_ms)}
        {span.running && <span className={classes.srOnly}>, {text.step.running}</span>}
      </span>
    </button>
  );
}
