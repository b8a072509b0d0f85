// One trace: its steps as a tree and waterfall in one, found by words, kind and failure, and the selected step beside them.
import { Button } from '@mantine/core';
import { IconMessages } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { ApiError } from '../api/client';
import type { TraceDetail } from '../api/types';
import button from '../components/button.module.css';
import { Centered, ErrorState, Missing } from '../components/error-state';
import { FiguresPanel } from '../components/figures-panel';
import { KindIcon } from '../components/kind-icon';
import { Split } from '../components/split';
import stateClasses from '../components/states.module.css';
import { StepPanel } from '../components/step-panel';
import { TotalsHeader } from '../components/totals-header';
import { TraceOverview, type Window } from '../components/trace-overview';
import { TraceTools } from '../components/trace-tools';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { TranscriptView } from '../components/transcript-view';
import { useKeys } from '../lib/keys';
import { text } from '../lib/text';
import { filterGroups, groupsOfTrace, type StepRef } from '../model/outline';
import { criticalPath, selfTimes } from '../model/self-time';
import { isFiltering, kindCounts, type StepFilter, stepMatches } from '../model/step-filter';
import { extentOf, zoomed } from '../model/waterfall';
import { type TraceSearch, traceRoute } from '../router';
import { useNow } from '../state/clock';
import { useTrace } from '../state/queries';
import { useSteps } from '../state/steps';
import classes from './trace.module.css';

export function TracePage() {
  const { traceId } = traceRoute.useParams();
  const { detail, complete, error, refetch } = useTrace(traceId);
  if (detail) return <Trace key={traceId} detail={detail} complete={complete} />;
  if (error instanceof ApiError && error.status === 404) {
    return <Missing title={text.conversation.traceNotFound} help={text.conversation.notFoundHelp} />;
  }
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  return <TranscriptSkeleton />;
}

const CLEARED = { q: undefined, kind: undefined, errors: undefined };

/** The shares of time in the address, where they are two and in order. */
function windowOf({ from, to }: TraceSearch): Window | null {
  const window = { from: Number(from), to: Number(to) };
  return window.from >= 0 && window.to <= 1 && window.from < window.to ? window : null;
}

function Trace({ detail, complete }: { detail: TraceDetail; complete: boolean }) {
  const search = traceRoute.useSearch();
  const { step, why } = search;
  const navigate = useNavigate({ from: '/traces/$traceId' });
  const input = useRef<HTMLInputElement>(null);
  const { trace, spans } = detail;
  const groups = useMemo(() => groupsOfTrace(detail), [detail]);
  const filter = useDeferredValue(
    useMemo<StepFilter>(
      () => ({ q: search.q, kind: search.kind, errors: search.errors === '1' }),
      [search.q, search.kind, search.errors],
    ),
  );
  const shown = useMemo(() => filterGroups(groups, filter), [groups, filter]);
  const work = useMemo(() => {
    const roots = groups.flatMap((group) => group.roots);
    return { self: selfTimes(roots), critical: criticalPath(roots) };
  }, [groups]);
  const kinds = useMemo(() => kindCounts(spans), [spans]);
  const failed = useMemo(() => spans.filter((span) => span.status === 'error'), [spans]);
  const now = useNow(trace.running ? 1000 : null);
  const extent = useMemo(() => extentOf(spans, now), [spans, now]);
  const window = windowOf(search);

  const selected = useMemo(() => (step ? { traceId: trace.trace_id, stepId: step } : null), [trace.trace_id, step]);
  const change = (part: Partial<TraceSearch>) =>
    void navigate({ search: (before: TraceSearch) => ({ ...before, ...part }), replace: true });
  const select = (next: StepRef | null) => change({ step: next?.stepId });
  const leave = () => {
    if (why) change({ why: undefined });
    else void navigate({ to: '/conversations/$id', params: { id: trace.conversation_id } });
  };
  const steps = useSteps({ groups: shown, selected, select, onLeave: leave });
  const nextError = () => {
    const at = failed.findIndex((span) => span.span_id === step);
    const next = failed[(at + 1) % failed.length];
    if (next) change({ step: next.span_id, q: undefined, kind: undefined });
  };
  useKeys({
    n: nextError,
    '/': (event) => {
      event.preventDefault();
      input.current?.focus();
    },
  });
  const title = trace.name ?? text.conversation.trace;
  useEffect(() => {
    document.title = `${title} · ${text.product}`;
  }, [title]);

  const count = (number: number) => number.toLocaleString('en-US');
  const filtering = isFiltering(filter);
  const matches = useMemo(
    () => (filtering ? spans.filter((span) => stepMatches(span, filter)).length : spans.length),
    [filtering, spans, filter],
  );
  const note = filtering
    ? text.trace.matches(count(matches), count(spans.length))
    : complete
      ? null
      : text.trace.loaded(count(spans.length), count(Math.max(trace.spans, spans.length)));

  return (
    <>
      <TotalsHeader
        totals={trace}
        id={trace.trace_id}
        lead={<KindIcon kind="trace" size={36} />}
        title={title}
        why={why !== undefined}
        onWhy={() => change({ why: why && !selected ? undefined : '1', step: undefined })}
        actions={
          <Link to="/conversations/$id" params={{ id: trace.conversation_id }} className={button.small}>
            <IconMessages size={16} stroke={1.8} aria-hidden />
            {text.conversation.inConversation}
          </Link>
        }
      />
      <TraceTools
        search={search}
        onChange={change}
        kinds={kinds}
        errors={failed.length}
        onNextError={nextError}
        note={note}
        inputRef={input}
      />
      {extent && extent.end > extent.start && (
        <TraceOverview
          spans={spans}
          extent={extent}
          window={window}
          onWindow={(next) => change({ from: next?.from.toFixed(4), to: next?.to.toFixed(4) })}
        />
      )}
      <Split
        sideOnTop={selected !== null || why !== undefined}
        side={
          selected ? (
            <StepPanel
              traceId={trace.trace_id}
              stepId={selected.stepId}
              row={steps.selectedRow}
              spans={spans}
              onClose={() => select(null)}
            />
          ) : why ? (
            <FiguresPanel of={{ trace: trace.trace_id }} onSelect={select} onClose={() => change({ why: undefined })} />
          ) : null
        }
      >
        {steps.items.length === 0 && filtering ? (
          <Centered role="status">
            <h2 className={stateClasses.title}>{text.trace.noMatch}</h2>
            <p className={stateClasses.words}>{text.trace.noMatchHelp}</p>
            <Button variant="default" onClick={() => change(CLEARED)}>
              {text.trace.clear}
            </Button>
          </Centered>
        ) : (
          <div className={classes.waterfall}>
            <div className={classes.columns} aria-hidden>
              <span title={text.trace.selfHint}>{text.trace.self}</span>
              <span>{text.trace.total}</span>
            </div>
            <TranscriptView
              label={text.conversation.trace}
              groups={shown}
              items={steps.items}
              user={null}
              selected={selected}
              zoom={window && extent ? zoomed(extent, window.from, window.to) : null}
              work={work}
              onSelect={(span) => select({ traceId: span.trace_id, stepId: span.span_id })}
              onToggleStep={steps.toggleStep}
              onToggleTurn={steps.toggleTurn}
            />
          </div>
        )}
      </Split>
    </>
  );
}
