// Everything about the selected step.
import { Skeleton } from '@mantine/core';
import { IconAlertCircle, IconBraces, IconClockOff, IconLink, IconTerminal2 } from '@tabler/icons-react';
import { useMemo } from 'react';
import { ApiError } from '../api/client';
import type { Content, SpanDetail, SpanRow } from '../api/types';
import { text } from '../lib/text';
import { contentText, isBlank, pretty } from '../model/content';
import { curlOf } from '../model/curl';
import { formatAgo, formatDuration } from '../model/format';
import { callBefore, sentBefore } from '../model/sent-before';
import { parseTime } from '../model/time';
import { useNow } from '../state/clock';
import { useSpan } from '../state/queries';
import { useAge } from './ago';
import { CloseButton } from './close-button';
import { CompareButton } from './compare-button';
import { ContentView } from './content-view';
import { CopyButton } from './copy-button';
import { Centered, ErrorState } from './error-state';
import { KindIcon, kindName } from './kind-icon';
import { RouterDecision } from './router-decision';
import { Section } from './section';
import { Running } from './signals';
import stateClasses from './states.module.css';
import { StepExtras, StepFacts } from './step-extras';
import classes from './step-panel.module.css';
import { hasMarkup, TextViewToggle } from './text-view';

interface Props {
  traceId: string;
  stepId: string;
  /** What the list knows of the step, shown until the whole of it has come. */
  row: SpanRow | null;
  /** The steps around it. */
  spans: readonly SpanRow[];
  onClose: () => void;
}

export function StepPanel({ traceId, stepId, row, spans, onClose }: Props) {
  const { data, error, refetch } = useSpan(traceId, stepId);
  const span = data ?? row;
  const known = useKnown(data, spans);
  if (!span && error) {
    const gone = error instanceof ApiError && error.status === 404;
    return (
      <section className={classes.panel} aria-label={text.step.panel}>
        <div className={classes.head}>
          <div className={classes.headWords} />
          <CloseButton label={text.step.close} title={`${text.step.close} (Esc)`} onClose={onClose} />
        </div>
        {gone ? (
          <Centered role="alert">
            <h2 className={stateClasses.title}>{text.step.notFound}</h2>
            <p className={stateClasses.words}>{text.conversation.notFoundHelp}</p>
          </Centered>
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )}
      </section>
    );
  }
  return (
    <section className={classes.panel} aria-label={text.step.panel} data-panel-step={data ? stepId : undefined}>
      {span && <Head span={span} detail={data ?? null} onClose={onClose} />}
      <div
        className={classes.scroll}
        tabIndex={0}
        role="group"
        aria-label={span?.name ?? text.loading}
        key={`${traceId}/${stepId}`}
      >
        {data ? (
          <Body span={data} known={known} spans={spans} />
        ) : error ? (
          <ErrorState error={error} onRetry={() => void refetch()} />
        ) : (
          <PanelSkeleton />
        )}
      </div>
    </section>
  );
}

/** How many messages of the input the call before had sent already. */
function useKnown(span: SpanDetail | undefined, spans: readonly SpanRow[]): number {
  const before = useMemo(() => (span ? callBefore(spans, span) : null), [span, spans]);
  const { data } = useSpan(before?.trace_id ?? '', before?.span_id ?? '', before !== null);
  return useMemo(() => (before && data ? sentBefore(span?.input, data) : 0), [before, data, span]);
}

function Head({ span, detail, onClose }: { span: SpanRow; detail: SpanDetail | null; onClose: () => void }) {
  const age = useAge(span.start_time, span.running);
  const curl = useMemo(() => (detail ? curlOf(detail) : null), [detail]);
  const named = span.name.toLowerCase() !== span.kind.toLowerCase();
  return (
    <div className={classes.head}>
      <KindIcon kind={span.kind} size={30} />
      <div className={classes.headWords}>
        <h2 className={classes.name} title={span.name}>
          {named ? span.name : kindName(span.kind)}
        </h2>
        <div className={classes.sub}>
          <span className={classes.status} data-status={span.state === 'ended' ? span.status : span.state}>
            {span.state === 'ended' ? text.step.status[span.status] : text.step[span.state]}
          </span>
          {named && <span>{kindName(span.kind)}</span>}
          <span className="nt-num">{formatDuration(age ?? span.duration_ms)}</span>
          {span.model && <span>{span.model}</span>}
        </div>
      </div>
      {span.running && <Running label={text.list.running} />}
      <CompareButton thing={{ trace: span.trace_id, step: span.span_id }} title={span.name} />
      <CopyButton
        value={() => window.location.href}
        label={text.trace.copyLink}
        icon={<IconLink size={17} stroke={1.8} />}
        size={30}
      />
      {curl !== null && (
        <CopyButton
          value={() => curl}
          label={text.trace.copyCurl}
          icon={<IconTerminal2 size={17} stroke={1.8} />}
          size={30}
        />
      )}
      {detail && (
        <CopyButton
          value={() => pretty(detail)}
          label={text.trace.copyJson}
          icon={<IconBraces size={17} stroke={1.8} />}
          size={30}
        />
      )}
      <CloseButton label={text.step.close} title={`${text.step.close} (Esc)`} onClose={onClose} />
    </div>
  );
}

function Body({ span, known, spans }: { span: SpanDetail; known: number; spans: readonly SpanRow[] }) {
  return (
    <>
      {span.status === 'error' && (
        <div className={classes.error} role="note">
          <IconAlertCircle size={17} stroke={2} aria-hidden />
          <div>
            <strong>{text.step.failed}</strong>
            {span.status_message && <p>{span.status_message}</p>}
          </div>
        </div>
      )}
      {span.unfinished && <Unfinished since={span.unfinished.since} />}
      <div className={classes.facts}>
        <StepFacts span={span} />
      </div>
      {span.kind === 'router' && <RouterDecision span={span} spans={spans} />}
      <ContentSection name="input" title={text.step.input} content={span.input} known={known} />
      <ContentSection name="output" title={text.step.output} content={span.output} running={span.running} />
      <StepExtras span={span} />
    </>
  );
}

function Unfinished({ since }: { since: string }) {
  const now = useNow(5000);
  return (
    <div className={classes.unfinished} role="note">
      <IconClockOff size={17} stroke={2} aria-hidden />
      <p>{text.step.unfinishedHint(formatAgo(parseTime(since) ?? now, now))}</p>
    </div>
  );
}

interface ContentSectionProps {
  name: string;
  title: string;
  content?: Content | null;
  running?: boolean;
  known?: number;
}

function ContentSection({ name, title, content, running, known }: ContentSectionProps) {
  const blank = isBlank(content);
  const hasText = content && content.type !== 'json' && hasMarkup(contentText(content));
  const actions = content && !blank && (
    <>
      {hasText && <TextViewToggle />}
      <CopyButton value={() => contentText(content)} label={`${text.content.copy}: ${title}`} />
    </>
  );
  return (
    <Section name={name} title={title} actions={actions}>
      {content && !blank ? (
        <div className={content.type === 'text' || content.type === 'json' ? classes.content : undefined}>
          <ContentView content={content} known={known} />
        </div>
      ) : (
        <p className={classes.nothing}>{running ? text.conversation.thinking : text.step.nothing}</p>
      )}
    </Section>
  );
}

function PanelSkeleton() {
  return (
    <div className={classes.skeleton} role="status" aria-label={text.loading}>
      <Skeleton height={10} width="60%" />
      <Skeleton height={10} width="80%" />
      <Skeleton height={70} mt={12} />
      <Skeleton height={110} />
    </div>
  );
}
