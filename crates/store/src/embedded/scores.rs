//! Judgements as they are read by the trace or conversation that they are about, and where those of a whole are kept.
//!
//! They are told like anything else of a span, by patches; nothing here writes.

use neuraltrust_model::{ConversationId, ScoreTarget, SpanId, TraceId};

use super::EmbeddedStore;
use crate::summary::{self, Scored, TraceSpans};
use crate::{ProjectId, StoreError};

type Place = Option<(TraceId, SpanId)>;

fn of_conversation(told: &Scored) -> bool {
    told.score.target == ScoreTarget::Conversation
}

fn place(trace: &TraceSpans) -> Place {
    summary::place(trace).map(|span| (span.trace_id.clone(), span.span_id.clone()))
}

impl EmbeddedStore {
    pub(crate) async fn scores(&self, project: ProjectId, trace: TraceId) -> Result<Vec<Scored>, StoreError> {
        self.read(move |record| Ok(summary::holding(summary::scored(&record.trace(project, &trace)?)))).await
    }

    pub(crate) async fn scores_of_conversation(&self, project: ProjectId, id: ConversationId) -> Result<Vec<Scored>, StoreError> {
        self.read(move |record| Ok(summary::holding(record.conversation(project, &id)?.iter().flat_map(summary::scored)))).await
    }

    pub(crate) async fn told_scores(&self, project: ProjectId, trace: TraceId, id: String) -> Result<Vec<Scored>, StoreError> {
        self.read(move |record| {
            let trace = record.trace(project, &trace)?;
            let mut told = summary::scored(&trace);
            told.retain(|told| told.score.id == id);
            if told.iter().any(of_conversation) {
                told.retain(|told| !of_conversation(told));
                let of_all = record.conversation(project, &trace.conversation_id)?;
                let of_all = of_all.iter().flat_map(summary::scored);
                told.extend(of_all.filter(|told| told.score.id == id && of_conversation(told)));
            }
            Ok(told)
        })
        .await
    }

    pub(crate) async fn place_of_trace(&self, project: ProjectId, trace: TraceId) -> Result<Place, StoreError> {
        self.read(move |record| Ok(place(&record.trace(project, &trace)?))).await
    }

    pub(crate) async fn place_of_conversation(&self, project: ProjectId, id: ConversationId) -> Result<Place, StoreError> {
        self.read(move |record| {
            let traces = record.conversation(project, &id)?;
            let newest =
                traces.iter().max_by_key(|trace| (trace.spans.first().map(neuraltrust_model::Span::time), &trace.heard_at));
            Ok(newest.and_then(place))
        })
        .await
    }
}
