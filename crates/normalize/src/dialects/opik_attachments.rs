//! Files that Opik's clients upload beside a trace or span, images that they take out of its input and output above all.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/attachments>. A file is named by what it belongs to and by its name
//! there; it becomes a step below that ([`file_step`](crate::file_step)).

use neuraltrust_model::{SpanId, SpanPatch, Timestamp};

use super::PROJECT_NAME;
use super::opik::Sender;
use crate::Rejection;
use crate::fields::id;
use crate::file_step::{self, cut};

/// A file as its upload names it.
#[derive(Debug, Clone)]
pub struct File {
    /// The id of the trace or span that it belongs to.
    pub entity_id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// The project that the client names.
    pub project: Option<String>,
}

/// The step that a file is, and the span below which it is. The trace of a span is not told: the step is in a trace of the span's
/// name, for whoever knows the trace to move.
///
/// # Errors
/// A [`Rejection`] that names the id where that is none.
pub fn attachment(file: &File, bytes: &[u8], sender: &Sender) -> Result<(SpanId, SpanPatch), Rejection> {
    let of: SpanId = id("entity_id", file.entity_id.clone())?;
    let mut patch = file_step::step(file_step::File {
        trace_id: id("entity_id", file.entity_id.clone())?,
        of: of.clone(),
        known_by: &file.name,
        name: &file.name,
        mime_type: file.mime_type.as_deref(),
        uri: file_step::uri(file.mime_type.as_deref(), bytes),
    })?;
    (patch.start, patch.end) = (made_at(of.as_str()), made_at(of.as_str()));
    patch.source = Some(sender.source.clone());
    if let Some(project) = file.project.as_deref().filter(|project| !project.is_empty()) {
        patch.attributes.insert(PROJECT_NAME.to_owned(), cut(project).into());
    }
    if let Some(workspace) = &sender.workspace {
        patch.attributes.insert(super::COMET_WORKSPACE.to_owned(), workspace.clone().into());
    }
    Ok((of, patch))
}

/// When an id was made, where it says so: a UUID of version 7 (RFC 9562 section 5.7) begins with the milliseconds.
fn made_at(id: &str) -> Option<Timestamp> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || digits.as_bytes().get(12) != Some(&b'7') {
        return None;
    }
    let millis = i64::from_str_radix(digits.get(..12)?, 16).ok()?;
    millis.checked_mul(1_000_000).map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neuraltrust_model::Source;

    fn attached(entity_id: &str) -> Result<(SpanId, SpanPatch), Rejection> {
        let source = Source { client: None, version: None, protocol: "opik".to_owned() };
        let text = |text: &str| text.to_owned();
        let (mime_type, project) = (Some(text("image/png")), Some(text("shop")));
        let file = File { entity_id: text(entity_id), name: text("a.png"), mime_type, project };
        attachment(&file, b"png", &Sender { source, workspace: Some(text("default")) })
    }

    #[test]
    fn a_file_is_below_what_it_belongs_to_and_of_its_time() {
        let own = "01a20658-8267-73ad-9528-20908f8f54ed";
        let (of, patch) = attached(own).unwrap();
        assert_eq!((of.as_str(), patch.trace_id.as_str(), patch.parent_id.as_ref()), (own, own, Some(&of)));
        assert_eq!(patch.start.unwrap().as_nanos(), 0x01a2_0658_8267 * 1_000_000);
        assert_eq!((&patch.attributes[PROJECT_NAME], patch.name.as_deref()), (&"shop".into(), Some("a.png")));
    }

    #[test]
    fn what_is_no_id_is_refused_and_what_tells_no_time_has_none() {
        assert_eq!(attached("").unwrap_err().at, "entity_id");
        let (other, short) = ("01a20658-8267-43ad-9528-20908f8f54ed", "01a20658-8267-73ad-9528-20908f8f54e");
        for own in ["t", other, short, "ffffffffffff7fffffffffffffffffff"] {
            assert_eq!(attached(own).unwrap().1.start, None, "{own}");
        }
    }
}
