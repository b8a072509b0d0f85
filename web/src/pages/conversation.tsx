// One conversation: its turns, the steps in between, and the selected step beside them.
import { ActionIcon, Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconFold, IconInfoCircle, IconListTree } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { ApiError } from '../api/client';
import type { Transcript } from '../api/types';
import { Avatar } from '../components/avatar';
import button from '../components/button.module.css';
import { DetailsPanel } from '../components/details-panel';
import { Centered, ErrorState, Missing } from '../components/error-state';
import { FiguresPanel } from '../components/figures-panel';
import { RawView } from '../components/raw-view';
import { Split } from '../components/split';
import { StepPanel } from '../components/step-panel';
import { TimelineView } from '../components/timeline-view';
import { TotalsHeader } from '../components/totals-header';
import { TranscriptSkeleton } from '../components/transcript-skeleton';
import { TranscriptView } from '../components/transcript-view';
import { ViewSwitch } from '../components/view-switch';
import { text } from '../lib/text';
import { userName } from '../model/format';
import { groupsOfTranscript, type StepRef, stepsOnly } from '../model/outline';
import { type ConversationSearch, conversationRoute, type View } from '../router';
import { lastList } from '../state/last-list';
import { useDetailsShown } from '../state/preferences';
import { useSteps } from '../state/steps';
import { useTranscript } from '../state/transcript';

/** Views that show the conversation as a whole. */
const WHOLE: readonly (View | undefined)[] = ['timeline', 'graph', 'raw'];

/** Where there is no room beside the conversation; the same as in the style sheet of the two panes. */
const NARROW = '(max-width: 900px)';

const GraphView = lazy(() => import('../components/graph-view'));

export function ConversationPage() {
  const { id } = conversationRoute.useParams();
  const { view, trace } = conversationRoute.useSearch();
  const [newest, setNewest] = useState<string | null>(null);
  const all = newest === id || WHOLE.includes(view);
  const { transcript, complete, more, error, refetch } = useTranscript(id, { all, until: trace });
  if (transcript) {
    return (
      <Conversation
        key={id}
        transcript={transcript}
        complete={complete}
        onMore={more}
        toNewest={newest === id}
        onNewest={() => setNewest(id)}
      />
    );
  }
  if (error instanceof ApiError && error.status === 404) {
    return <Missing title={text.conversation.notFound} help={text.conversation.notFoundHelp} />;
  }
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  return <TranscriptSkeleton />;
}

interface Props {
  transcript: Transcript;
  /** Whether all turns are here. */
  complete: boolean;
  onMore: () => void;
  /** Whether the reader wants to be at the end. */
  toNewest: boolean;
  onNewest: () => void;
}

function Conversation({ transcript, complete, onMore, toNewest, onNewest }: Props) {
  const { trace, step, view = 'transcript', why } = conversationRoute.useSearch();
  const navigate = useNavigate({ from: '/conversations/$id' });
  const [beside, setBeside] = useDetailsShown();
  // On a narrow window they lie over the conversation until they are closed, and are not remembered.
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const [over, setOver] = useState(false);
  const details = narrow ? over : beside;
  const setDetails = narrow ? setOver : setBeside;
  const groups = useMemo(() => groupsOfTranscript(transcript), [transcript]);
  const selected = useMemo(() => (trace && step ? { traceId: trace, stepId: step } : null), [trace, step]);
  // Steps replace each other in the history, so that "back" leads to the list.
  const select = (next: StepRef | null) =>
    void navigate({
      search: (before) => ({ view: before.view, why: before.why, trace: next?.traceId, step: next?.stepId }),
      replace: true,
    });
  /** Explains the totals; otherwise takes away what lies over the details, which is that or a selected step. */
  const explain = (on: boolean) =>
    void navigate({
      search: (before): ConversationSearch => ({ view: before.view, why: on ? '1' : undefined }),
      replace: true,
    });
  const steps = useSteps({
    groups,
    selected,
    select,
    onLeave: () => {
      if (why) explain(false);
      else if (narrow && over) setOver(false);
      else void navigate({ to: '/', search: lastList() });
    },
    allOpen: view === 'tree',
  });
  const spans = useMemo(() => transcript.turns.flatMap((turn) => turn.spans), [transcript]);
  const items = useMemo(() => (view === 'tree' ? stepsOnly(steps.items) : steps.items), [view, steps.items]);

  const { conversation } = transcript;
  const user = transcript.user ?? conversation.user ?? null;
  const name = userName(user) ?? text.list.anonymous;
  useEffect(() => {
    document.title = `${name} · ${text.product}`;
  }, [name]);

  const side = selected ? (
    <StepPanel
      traceId={selected.traceId}
      stepId={selected.stepId}
      row={steps.selectedRow}
      spans={spans}
      onClose={() => select(null)}
    />
  ) : why ? (
    <FiguresPanel
      of={{ conversation: conversation.conversation_id }}
      onSelect={select}
      onClose={() => explain(false)}
    />
  ) : details ? (
    <DetailsPanel transcript={transcript} onWhy={() => explain(true)} onClose={() => setDetails(false)} />
  ) : null;

  const covered = selected !== null || why !== undefined;
  const detailsLabel = details ? text.conversation.hideDetails : text.conversation.showDetails;
  return (
    <>
      <TotalsHeader
        totals={conversation}
        id={conversation.conversation_id}
        lead={<Avatar user={user} size={36} />}
        title={name}
        why={why !== undefined}
        onWhy={() => explain(!why || selected !== null)}
        actions={
          <>
            <Button
              size="compact-sm"
              fw={550}
              fz={13}
              h={30}
              variant="default"
              leftSection={steps.allOpen ? <IconFold size={15} /> : <IconListTree size={15} />}
              onClick={steps.toggleAll}
            >
              {steps.allOpen ? text.conversation.collapseAll : text.conversation.expandAll}
            </Button>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={32}
              aria-label={detailsLabel}
              aria-pressed={details}
              title={detailsLabel}
              onClick={() => {
                setDetails(covered ? true : !details);
                if (covered) explain(false);
              }}
            >
              <IconInfoCircle size={18} stroke={1.7} />
            </ActionIcon>
          </>
        }
      />
      <ViewSwitch
        note={
          !complete && (
            <>
              {text.conversation.loaded(
                groups.length.toLocaleString('en-US'),
                Math.max(conversation.turns, groups.length).toLocaleString('en-US'),
              )}
              {toNewest || WHOLE.includes(view) ? (
                <span className="nt-pulse" aria-hidden />
              ) : (
                <button type="button" className={button.small} onClick={onNewest}>
                  {text.conversation.newest}
                </button>
              )}
            </>
          )
        }
      />
      <Split side={side} sideOnTop={covered || (narrow && over)}>
        {view === 'graph' ? (
          <Suspense fallback={<TranscriptSkeleton />}>
            <GraphView spans={spans} selected={selected} onSelect={select} />
          </Suspense>
        ) : view === 'timeline' ? (
          <TimelineView spans={spans} selected={selected} onSelect={select} />
        ) : view === 'raw' ? (
          <RawView name={conversation.conversation_id} value={transcript} />
        ) : groups.length === 0 ? (
          <Centered role="status">{text.conversation.noTurns}</Centered>
        ) : (
          <TranscriptView
            label={text.conversation.title}
            groups={groups}
            items={items}
            user={user}
            selected={selected}
            onSelect={(span) => select({ traceId: span.trace_id, stepId: span.span_id })}
            onToggleStep={steps.toggleStep}
            onToggleTurn={steps.toggleTurn}
            complete={complete}
            onMore={onMore}
            toEnd={toNewest}
          />
        )}
      </Split>
    </>
  );
}
