//! What applications have added: the paths that spans of a project have.

use std::cell::Cell;
use std::collections::BTreeSet;

use tantivy::collector::Count;

use super::EmbeddedStore;
use super::budget::Budget;
use super::clauses::Clauses;
use super::index::SearchIndex;
use crate::fields::{Key, Root};
use crate::query::{Filter, ListOf, Test};
use crate::{ProjectId, StoreError};

/// Most paths that are looked for; they are those of all projects.
const LOOKED_FOR: usize = 256;

impl EmbeddedStore {
    pub(crate) async fn paths(
        &self,
        project: ProjectId,
        root: Root,
        begun: String,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        self.search(move |index, budget| paths(index, project, root, &begun, limit, budget)).await
    }
}

/// NOTE: columns are those of all projects; a path is told only where a span of this project has it.
fn paths(
    index: &SearchIndex,
    project: ProjectId,
    root: Root,
    begun: &str,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<(String, u64)>, StoreError> {
    let failed = || StoreError::index("find paths");
    let searcher = index.reader.searcher();
    let below = format!("{}.", root.as_str());
    let mut known = BTreeSet::new();
    for segment in searcher.segment_readers() {
        for field in segment.fields_metadata().map_err(failed())? {
            let path = field.field_name.strip_prefix(&below).filter(|path| path.starts_with(begun));
            known.extend(path.map(str::to_owned));
        }
    }
    let cut = Cell::new(false);
    let clauses = Clauses::new(index, &searcher, project, ListOf::Spans, &cut, budget);
    let mut found = Vec::new();
    for path in known.into_iter().take(LOOKED_FOR) {
        let query = clauses.query(&Filter::Is(Key::Path(root, path.clone()), Test::Exists))?;
        let count = searcher.search(&*query, &Count).map_err(failed())?;
        if count > 0 {
            found.push((path, count as u64));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}
