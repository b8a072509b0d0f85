// One trace: its steps as a tree with their times, and the selected step beside them.
import { IconMessages } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { ApiError } from '../api/client';
import type { TraceDetail } from '../api/types';
import { ErrorState, Missing } from '../components/error-state';
import { KindIcon } from '../components/kind-icon';
import { Split } from '../components/split';
import { StepPanel } from '../components/step-panel';
import { TotalsHeader } from '../components/totals-header';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { TranscriptView } from '../components/transcript-view';
import { text } from '../lib/text';
import { groupsOfTrace, type StepRef } from '../model/outline';
import { traceRoute } from '../router';
import { useTrace } from '../state/queries';
import { useSteps } from '../state/steps';
import classes from './trace.module.css';

export function TracePage() {
  const { traceId } = traceRoute.useParams();
  const { data, error, refetch } = useTrace(traceId);
  if (data) return <Trace key={traceId} detail={data} />;
  if (error instanceof ApiError && error.status === 404) {
    return <Missing title={text.conversation.traceNotFound} help={text.conversation.notFoundHelp} />;
  }
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  return <TranscriptSkeleton />;
}

function Trace({ detail }: { detail: TraceDetail }) {
  const { step } = traceRoute.useSearch();
  const navigate = useNavigate({ from: '/traces/$traceId' });
  const { trace } = detail;
  const groups = useMemo(() => groupsOfTrace(detail), [detail]);
  const selected = useMemo(() => (step ? { traceId: trace.trace_id, stepId: step } : null), [trace.trace_id, step]);
  const select = (next: StepRef | null) => void navigate({ search: next ? { step: next.stepId } : {}, replace: true });
  const leave = () => void navigate({ to: '/conversations/$id', params: { id: trace.conversation_id } });
  const steps = useSteps({ groups, selected, select, onLeave: leave });
  const title = trace.name ?? text.conversation.trace;
  useEffect(() => {
    document.title = `${title} · ${text.product}`;
  }, [title]);

  return (
    <>
      <TotalsHeader
        totals={trace}
        id={trace.trace_id}
        lead={<KindIcon kind="trace" size={36} />}
        title={title}
        actions={
          <Link to="/conversations/$id" params={{ id: trace.conversation_id }} className={classes.link}>
            <IconMessages size={16} stroke={1.8} aria-hidden />
            {text.conversation.inConversation}
          </Link>
        }
      />
      <Split
        sideOnTop={selected !== null}
        side={
          selected && (
            <StepPanel
              traceId={trace.trace_id}
              stepId={selected.stepId}
              row={steps.selectedRow}
              onClose={() => select(null)}
            />
          )
        }
      >
        <TranscriptView
          label={text.conversation.trace}
          groups={groups}
          items={steps.items}
          user={null}
          selected={selected}
          onSelect={(span) => select({ traceId: span.trace_id, stepId: span.span_id })}
          onToggleStep={steps.toggleStep}
          onToggleTurn={steps.toggleTurn}
        />
      </Split>
    </>
  );
}
