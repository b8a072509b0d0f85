//! From the patches of a trace to its spans.
//!
//! Costs n log n for n patches, and no content is cloned.

use std::collections::{BTreeSet, HashMap};

use neuraltrust_model::{ConversationId, Span, SpanId, SpanPatch, Timestamp, TraceId};

use super::ledger::Ledger;
use super::tree::Tree;
use crate::prices::{NoCost, Priced};
use crate::rows::SpanRow;
use crate::said::Said;

/// The spans of one trace, each the merge of its patches, by start.
#[derive(Debug, Clone)]
pub struct TraceSpans {
    /// The conversation of the trace.
    pub conversation_id: ConversationId,
    /// Every conversation that its patches ever named.
    pub named: BTreeSet<ConversationId>,
    /// The spans that have come.
    pub spans: Vec<Span>,
    /// What is known of spans that have not come, e.g. a score on one.
    pub unknown: Vec<Span>,
    /// When the last patch came that a client sent.
    pub heard_at: Timestamp,
    /// Input and output of the spans, which themselves have none, by position.
    said: Vec<[Option<Said>; 2]>,
    /// ... and of the `unknown` ones.
    unknown_said: Vec<[Option<Said>; 2]>,
    /// Spans that are running again: they were marked unfinished, and then their trace was heard of.
    revived: Vec<SpanId>,
    /// Spans that steps were placed under which are now placed elsewhere.
    left: BTreeSet<SpanId>,
    pub(super) tree: Tree,
    pub(super) ledger: Ledger,
    /// For each span, by position, how its cost was worked out, or why none was; empty while no prices were applied.
    pub(super) priced: Vec<Result<Priced, NoCost>>,
}

/// A patch as it is read back: without its contents, which are beside it.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// When it came in.
    pub received_at: Timestamp,
    /// What it says otherwise.
    pub patch: SpanPatch,
    /// What it says of the input.
    pub input: Option<Said>,
    /// What it says of the output.
    pub output: Option<Said>,
}

/// What the patches of one span have said so far.
struct Heard {
    first_at: Timestamp,
    patch: SpanPatch,
    said: [Option<Said>; 2],
}

impl Heard {
    fn hear(&mut self, later: Self) {
        self.first_at = later.first_at.min(self.first_at);
        self.patch.apply(later.patch);
        for (before, later) in self.said.iter_mut().zip(later.said) {
            match (before.as_mut(), later) {
                (_, None) => {}
                (Some(before), Some(later)) => before.replace(later),
                (None, later) => *before = later,
            }
        }
    }

    /// The span, and what it said. Contents that came in fragments are in the patch, and count where nothing was said as a
    /// whole.
    fn into_span(self) -> (Span, [Option<Said>; 2]) {
        let mut span = Span::new(self.patch, self.first_at);
        let [input, output] = self.said;
        let (in_parts, out_parts) = (span.input.take(), span.output.take());
        let said = [input.or(in_parts.map(Said::Here)), output.or(out_parts.map(Said::Here))];
        (span, said)
    }
}

impl TraceSpans {
    /// Merges the patches of one trace, given in order of arrival.
    #[must_use]
    pub fn merge(trace_id: &TraceId, patches: impl IntoIterator<Item = Arrived>) -> Self {
        let mut merged: HashMap<SpanId, Heard> = HashMap::new();
        let (mut named, mut left) = (BTreeSet::new(), BTreeSet::new());
        // What clients tell in order may come in any; what does not say when it was told was told when it came, and not before
        // what had come by then: the server's clock may have been set back.
        let mut came = None;
        let told = patches.into_iter().map(|arrived: Arrived| {
            came = came.max(Some(arrived.received_at));
            (arrived.patch.told.or(came), arrived)
        });
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|(told, _)| *told);
        let patches: Vec<_> = told.into_iter().map(|(_, arrived)| arrived).collect();
        // A mark of the server's own is no message, and what is copied from elsewhere no sign of life.
        let last = |is: &dyn Fn(&SpanPatch) -> bool| {
            patches.iter().filter(|arrived| is(&arrived.patch)).map(|arrived| arrived.received_at).max()
        };
        let alive = last(&|patch| patch.unfinished.is_none() && !patch.copied);
        let heard_at = last(&|patch| patch.unfinished.is_none() || patch.copied).or_else(|| last(&|_| true));
        for Arrived { received_at, mut patch, input, output } in patches {
            // Other servers may have other clocks.
            if let Some(mark) = patch.unfinished.as_mut().filter(|_| patch.copied) {
                mark.since = mark.since.min(received_at);
            }
            if let Some(id) = &patch.conversation_id
                && !named.contains(id)
            {
                named.insert(id.clone());
            }
            let later = Heard { first_at: received_at, patch, said: [input, output] };
            match merged.get_mut(&later.patch.span_id) {
                Some(known) => {
                    if let (Some(before), Some(now)) = (&known.patch.parent_id, &later.patch.parent_id)
                        && before != now
                    {
                        left.extend([before.clone(), now.clone()]);
                    }
                    known.hear(later);
                }
                None => {
                    merged.insert(later.patch.span_id.clone(), later);
                }
            }
        }
        let all = merged.into_values().map(Heard::into_span);
        let (mut known, mut unknown): (Vec<_>, Vec<_>) = all.partition(|(span, _)| span.is_known());
        known.sort_by(|(a, _), (b, _)| (a.time(), a.received_at, &a.span_id).cmp(&(b.time(), b.received_at, &b.span_id)));
        unknown.sort_by(|(a, _), (b, _)| a.span_id.cmp(&b.span_id));
        let (mut spans, said): (Vec<Span>, Vec<_>) = known.into_iter().unzip();
        let (unknown, unknown_said): (Vec<Span>, Vec<_>) = unknown.into_iter().unzip();
        let mut revived = Vec::new();
        for span in &mut spans {
            if span.unfinished.is_some_and(|mark| alive.is_some_and(|alive| mark.since < alive)) {
                span.unfinished = None;
                revived.push(span.span_id.clone());
            }
        }
        let tree = Tree::new(&spans);
        Self {
            conversation_id: conversation(trace_id, &spans),
            named,
            unknown,
            unknown_said,
            heard_at: heard_at.unwrap_or(Timestamp::from_nanos(0)),
            said,
            revived,
            left,
            ledger: Ledger::new(&spans, &tree),
            tree,
            spans,
            priced: Vec::new(),
        }
    }

    /// What went into a span.
    #[must_use]
    pub fn input(&self, span: &Span) -> Option<&Said> {
        let [input, _] = self.said.get(self.tree.position(&span.span_id)?)?;
        input.as_ref()
    }

    /// What came out of a span.
    #[must_use]
    pub fn output(&self, span: &Span) -> Option<&Said> {
        let [_, output] = self.said.get(self.tree.position(&span.span_id)?)?;
        output.as_ref()
    }

    /// The spans that have not come themselves, each with what is known of its input and output.
    pub(super) fn not_come(&self) -> impl Iterator<Item = (&Span, &[Option<Said>; 2])> {
        self.unknown.iter().zip(&self.unknown_said)
    }

    /// Whether a span is a model call, and not around one.
    #[must_use]
    pub fn is_call(&self, span: &Span) -> bool {
        self.tree.position(&span.span_id).is_some_and(|n| self.ledger.is_call(n))
    }

    /// The answers of models that the calls of the trace name, each with its span.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&SpanId, &str)> {
        self.ledger.answers().filter_map(|(n, id)| Some((&self.spans.get(n)?.span_id, id)))
    }

    /// Has calls that other traces tell of as well count in one of them. `others` are of other traces, as far as they name the
    /// same answers. NOTE: before the costs are worked out.
    pub(crate) fn count_once_with(&mut self, others: &[Self]) {
        debug_assert!(self.priced.is_empty());
        self.ledger.count_once_with(others.iter().map(|other| &other.ledger));
    }

    /// The row of a span of the trace.
    #[must_use]
    pub fn row(&self, span: &Span) -> SpanRow {
        let preview = |said: Option<&Said>| said.and_then(Said::preview);
        let n = self.tree.position(&span.span_id).unwrap_or(usize::MAX);
        SpanRow {
            input_preview: preview(self.input(span)),
            output_preview: preview(self.output(span)),
            cost_source: self.cost_source(n, span),
            ..SpanRow::new(span, &self.conversation_id, self.ledger.usage(n), self.ledger.cost(n))
        }
    }

    /// For each span, by position, whether its row may say something else because the spans changed that `changed` picks.
    pub(crate) fn affected(&self, changed: impl Fn(&Span) -> bool) -> Vec<bool> {
        let mut picked: Vec<bool> = self.spans.iter().map(changed).collect();
        for n in self.revived.iter().chain(&self.left).filter_map(|id| self.tree.position(id)) {
            if let Some(picked) = picked.get_mut(n) {
                *picked = true;
            }
        }
        let mut affected = Ledger::affected(&self.spans, &self.tree, &picked);
        self.add_repriced(&picked, &mut affected);
        for n in self.ledger.shared() {
            affected[*n] = true;
        }
        affected
    }
}

/// The conversation of a trace: what its first root names, else its first span that names one; a trace that names none is its
/// own conversation.
fn conversation(trace_id: &TraceId, spans: &[Span]) -> ConversationId {
    let named = |root: bool| {
        spans.iter().filter(move |span| span.parent_id.is_none() == root).find_map(|span| span.conversation_id.clone())
    };
    named(true).or_else(|| named(false)).unwrap_or_else(|| trace_id.clone().into())
}
