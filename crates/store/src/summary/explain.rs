//! Where every figure of tokens and cost of a trace is from, and what was not counted.

use neuraltrust_model::{ConversationId, Kind, SpanId, TraceId, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::merge::TraceSpans;
use super::totals::trace_row;
use crate::prices::{CostSource, NoCost, Priced};
use crate::rows::CountReason;

/// Where the figures of a trace are from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TraceExplained {
    /// The trace.
    pub trace_id: TraceId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Tokens of the trace: the sum of those that count.
    pub usage: Option<Usage>,
    /// Cost of the trace in US dollars: the sum of those that count.
    pub cost: Option<f64>,
    /// Spans whose tokens count and of which no cost is known, so that the cost of the trace is too low.
    pub without_cost: u64,
    /// Every span that tells of tokens or cost or is a model call, by start.
    pub spans: Vec<SpanExplained>,
}

/// Where the figures of a span are from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpanExplained {
    /// The span.
    pub span_id: SpanId,
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    #[schema(value_type = Option<String>)]
    pub kind: Option<Kind>,
    /// The model that answered.
    pub model: Option<String>,
    /// Who served the model.
    pub provider: Option<String>,
    /// Tokens of the span.
    pub usage: Option<Usage>,
    /// Whether they count.
    pub usage_counted: bool,
    /// Why they do, or do not.
    pub usage_reason: CountReason,
    /// Cost of the span in US dollars.
    pub cost: Option<f64>,
    /// Where it is from.
    pub cost_source: Option<CostSource>,
    /// Whether it counts.
    pub cost_counted: bool,
    /// Why it does, or does not.
    pub cost_reason: CountReason,
    /// How it was worked out; null where the client told it, or there is none.
    pub price: Option<Priced>,
    /// Why there is no cost; null where there is one.
    pub no_cost: Option<NoCost>,
}

/// Where the figures of a trace are from; `None` while none of its spans has come.
#[must_use]
pub fn explain(trace: &TraceSpans) -> Option<TraceExplained> {
    let row = trace_row(trace)?;
    let mut spans = Vec::new();
    for (n, span) in trace.spans.iter().enumerate() {
        let (usage_reason, cost_reason) = (trace.ledger.usage(n), trace.ledger.cost(n));
        let tells = span.usage.is_some_and(|usage| !usage.is_empty()) || span.cost.is_some();
        let is_call = matches!(span.kind, Some(Kind::Generation | Kind::Embedding));
        if !tells && !is_call {
            continue;
        }
        let priced = trace.priced.get(n);
        spans.push(SpanExplained {
            span_id: span.span_id.clone(),
            name: span.name.clone(),
            kind: span.kind.clone(),
            model: span.model.clone(),
            provider: span.provider.clone(),
            usage: span.usage,
            usage_counted: usage_reason.counts(),
            usage_reason,
            cost: span.cost,
            cost_source: trace.cost_source(n, span),
            cost_counted: cost_reason.counts(),
            cost_reason,
            price: priced.and_then(|priced| priced.as_ref().ok()).cloned(),
            no_cost: priced.and_then(|priced| priced.as_ref().err()).copied().filter(|_| span.cost.is_none()),
        });
    }
    let unknown = |span: &&SpanExplained| {
        span.usage_counted && matches!(span.no_cost, Some(NoCost::NoModel | NoCost::NoPrice | NoCost::IncompletePrice))
    };
    Some(TraceExplained {
        trace_id: row.trace_id,
        conversation_id: row.conversation_id,
        usage: row.totals.usage,
        cost: row.totals.cost,
        without_cost: spans.iter().filter(unknown).count() as u64,
        spans,
    })
}
