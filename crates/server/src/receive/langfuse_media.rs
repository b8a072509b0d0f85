//! Langfuse's media: a client asks where to upload a file to, puts it there, and says how that went.
//!
//! Format: <https://api.reference.langfuse.com/#tag/media>. The address is one of this server; a client sends no key with the bytes, as
//! it would to a storage that the server has signed the address for, so a secret in the address stands for its key.
//!
//! NOTE: a secret is good for an hour, for one file, as often as it is uploaded again, and until the server ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{post, put};
use axum::{Extension, Json, Router};
use neuraltrust_model::Source;
use neuraltrust_normalize::dialects::langfuse_media::{Medium, asked, step};
use neuraltrust_store::{Grant, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::langfuse::{SURFACE, sender};
use super::{address, body, may_send};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::count_rejected;

/// How long a secret is good.
const GOOD_FOR: Duration = Duration::from_secs(3_600);
/// Most secrets that are good at a time; the oldest make place.
const AT_A_TIME: usize = 10_000;

/// What clients do with media.
pub(super) fn routes() -> Router<App> {
    let routes = Router::new()
        .route("/api/public/media", post(start))
        .route("/api/public/media/{id}", put(upload).patch(StatusCode::NO_CONTENT));
    routes.layer(Extension(Arc::new(Uploads::default())))
}

/// Files that are to come, by their secrets.
#[derive(Default)]
struct Uploads(Mutex<ToCome>);

#[derive(Default)]
struct ToCome {
    files: HashMap<String, Upload>,
    oldest: VecDeque<String>,
}

#[derive(Clone)]
struct Upload {
    grant: Grant,
    medium: Medium,
    source: Source,
    asked_at: Instant,
}

impl Uploads {
    fn expect(&self, secret: String, upload: Upload) {
        let mut to_come = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to_come.oldest.push_back(secret.clone());
        to_come.files.insert(secret, upload);
        while let Some(oldest) = to_come.oldest.front().cloned() {
            let is_over = to_come.files.get(&oldest).is_none_or(|upload| upload.asked_at.elapsed() > GOOD_FOR);
            if !is_over && to_come.oldest.len() <= AT_A_TIME {
                break;
            }
            to_come.oldest.pop_front();
            to_come.files.remove(&oldest);
        }
    }

    fn expected(&self, secret: &str) -> Option<Upload> {
        let to_come = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to_come.files.get(secret).filter(|upload| upload.asked_at.elapsed() <= GOOD_FOR).cloned()
    }
}

type Known = Extension<Arc<Uploads>>;

async fn start(
    State(app): State<App>,
    Extension(uploads): Known,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let read = async {
        let grant = may_send(&app, &headers)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let medium = received.decode(|bytes| Ok(asked(bytes)?)).await?;
        let secret = Secret::random("")?;
        Ok((grant, medium, secret.reveal().to_owned()))
    };
    let (grant, medium, secret) = read.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    let id = medium.id.clone();
    uploads.expect(secret.clone(), Upload { grant, medium, source: sender(&headers), asked_at: Instant::now() });
    let url = format!("{}/api/public/media/{id}?upload={secret}", address(&headers));
    Ok((StatusCode::CREATED, Json(json!({"mediaId": id, "uploadUrl": url}))))
}

/// The secret in an address.
#[derive(Debug, Deserialize)]
struct Named {
    upload: String,
}

async fn upload(
    State(app): State<App>,
    Extension(uploads): Known,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let kept = async {
        let expected = uploads.expected(&named.upload).filter(|upload| upload.medium.id == id);
        let over =
            || ApiError::new(StatusCode::FORBIDDEN, "unknown_upload", "nobody has asked to upload this within the last hour");
        let Upload { grant, medium, source, .. } = expected.ok_or_else(over)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let patch = received.decode_file(move |bytes| Ok(step(&medium, bytes, &source)?)).await?;
        app.ingest.keep_whole(SURFACE, &grant, vec![patch]).await
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    Ok(StatusCode::OK)
}
