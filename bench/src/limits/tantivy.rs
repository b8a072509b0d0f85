//! The bare index: one document for each step with what lists filter by and the text with positions, one indexing thread,
//! a commit each second.

use std::path::Path;
use std::time::{Duration, Instant};

use tantivy::directory::MmapDirectory;
use tantivy::schema::{FAST, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, TantivyDocument};

use crate::workload::{Step, hex};

/// Memory for documents before they are written to a segment: what the server gives.
const WRITER_BYTES: usize = 48_000_000;
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Documents a second, all of them committed.
pub(crate) fn documents_per_second(directory: &Path, steps: &[Step]) -> anyhow::Result<f64> {
    let mut schema = Schema::builder();
    let words = TextFieldIndexing::default().set_tokenizer("default").set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let key = schema.add_text_field("key", STRING);
    let time = schema.add_i64_field("time", FAST | INDEXED);
    let text = schema.add_text_field("text", TextOptions::default().set_indexing_options(words));
    let named = ["conversation_id", "trace_id", "session_id", "channel_id", "user_id", "kind", "model"]
        .map(|name| schema.add_text_field(name, STRING | FAST));
    let index = Index::open_or_create(MmapDirectory::open(directory)?, schema.build())?;
    let mut writer = index.writer_with_num_threads(1, WRITER_BYTES)?;

    let begin = Instant::now();
    let mut committed = begin;
    for step in steps {
        let trace = hex(&step.trace);
        let mut document = TantivyDocument::default();
        document.add_text(key, format!("{trace}/{}", hex(&step.span)));
        document.add_i64(time, step.start as i64);
        let ids = [&step.conversation, &trace, &step.session].map(String::as_str);
        let values = ids.into_iter().chain([step.channel, &step.user, step.kind.as_str(), step.model.unwrap_or("none")]);
        for (field, value) in named.iter().zip(values) {
            document.add_text(*field, value);
        }
        document.add_text(text, [step.input.as_str(), &step.output].join("\n"));
        writer.add_document(document)?;
        if committed.elapsed() >= COMMIT_EVERY {
            writer.commit()?;
            committed = Instant::now();
        }
    }
    writer.commit()?;
    let took = begin.elapsed();
    // Merging goes on behind the last commit; it must not run into what is measured next.
    writer.wait_merging_threads()?;
    Ok(steps.len() as f64 / took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Chat;

    #[test]
    fn every_step_is_a_document() {
        let directory = tempfile::tempdir().unwrap();
        let steps: Vec<Step> = Chat::new(1, 600).take(600).collect();
        assert!(documents_per_second(directory.path(), &steps).unwrap() > 0.0);
        let index = Index::open_in_dir(directory.path()).unwrap();
        assert_eq!(index.reader().unwrap().searcher().num_docs(), 600);
    }
}
