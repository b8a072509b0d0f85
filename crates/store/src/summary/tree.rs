//! Which span is a step of which: the shape of a trace.

use std::collections::HashMap;

use neuraltrust_model::{Span, SpanId};

/// The shape of a trace, by the positions of its spans. A span whose parent never came is at the top. Where parents form a
/// circle, the one of the smallest id is, so that the shape does not depend on the order of arrival.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    by_id: HashMap<SpanId, usize>,
    parents: Vec<Option<usize>>,
    depths: Vec<usize>,
    downwards: Vec<usize>,
}

impl Tree {
    pub(super) fn new(spans: &[Span]) -> Self {
        let by_id: HashMap<SpanId, usize> = spans.iter().enumerate().map(|(n, span)| (span.span_id.clone(), n)).collect();
        let parent = |span: &Span| span.parent_id.as_ref().and_then(|id| by_id.get(id)).copied();
        let mut parents: Vec<_> = spans.iter().map(parent).collect();
        let depths = depths(&mut parents, spans);
        let mut downwards: Vec<usize> = (0..spans.len()).collect();
        downwards.sort_by_key(|n| depths[*n]);
        Self { by_id, parents, depths, downwards }
    }

    /// Where a span is.
    pub(super) fn position(&self, id: &SpanId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The span that this one is a step of; `None` at the top.
    pub(super) fn parent(&self, n: usize) -> Option<usize> {
        self.parents.get(n).copied().flatten()
    }

    /// How many spans are above it.
    pub(super) fn depth(&self, n: usize) -> usize {
        self.depths.get(n).copied().unwrap_or_default()
    }

    /// All positions, each behind its parent's. Backwards each is behind all of its steps.
    pub(super) fn downwards(&self) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        self.downwards.iter().copied()
    }
}

/// The depth of each span. Circles are cut.
fn depths(parents: &mut [Option<usize>], spans: &[Span]) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; spans.len()];
    let mut on_path = vec![false; spans.len()];
    for start in 0..spans.len() {
        let mut path: Vec<usize> = Vec::new();
        let mut at = Some(start);
        while let Some(n) = at {
            if depths[n].is_some() {
                break;
            }
            if on_path[n] {
                let circle = path.iter().skip_while(|on_circle| **on_circle != n);
                if let Some(first) = circle.min_by_key(|n| &spans[**n].span_id) {
                    parents[*first] = None;
                }
                for n in path.drain(..) {
                    on_path[n] = false;
                }
                at = Some(start);
                continue;
            }
            on_path[n] = true;
            path.push(n);
            at = parents[n];
        }
        for n in path.into_iter().rev() {
            depths[n] = Some(parents[n].and_then(|parent| depths[parent]).map_or(0, |depth| depth + 1));
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{SpanPatch, Timestamp, TraceId};

    use super::*;

    /// Parents by their numbers; the depths that come of them.
    #[track_caller]
    fn check(parents: &[Option<usize>], expect: &[usize]) {
        let id = |n: usize| SpanId::new(format!("s{n}")).unwrap();
        let span = |(n, parent): (usize, &Option<usize>)| {
            let patch = SpanPatch { parent_id: parent.map(id), ..SpanPatch::new(TraceId::new("t").unwrap(), id(n)) };
            Span::new(patch, Timestamp::from_nanos(0))
        };
        let spans: Vec<Span> = parents.iter().enumerate().map(span).collect();
        let tree = Tree::new(&spans);
        assert_eq!((0..spans.len()).map(|n| tree.depth(n)).collect::<Vec<_>>(), expect);
        let mut seen = vec![false; spans.len()];
        for n in tree.downwards() {
            assert!(tree.parent(n).is_none_or(|parent| seen[parent]), "{n} comes before its parent");
            seen[n] = true;
        }
        assert!(seen.into_iter().all(|seen| seen));
    }

    #[test]
    fn depths_of_trees_orphans_and_circles() {
        check(&[], &[]);
        check(&[None, Some(0), Some(1), Some(0)], &[0, 1, 2, 1]);
        check(&[Some(1), Some(2), None], &[2, 1, 0]);
        check(&[Some(9), Some(0)], &[0, 1]);
        check(&[Some(0)], &[0]);
        check(&[Some(2), Some(0), Some(1)], &[0, 1, 2]);
        check(&[Some(1), Some(2), Some(1), Some(2)], &[1, 0, 1, 2]);
    }
}
