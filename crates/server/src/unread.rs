//! What a client still sends when its answer is known already.
//!
//! Most clients read no answer before they have sent everything, and see a broken connection where the server stops listening;
//! others send their next request over a connection that is about to be closed. So the rest is read and thrown away first.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use http_body::{Frame, SizeHint};

/// Most bytes that are thrown away; who sends more is cut off.
const MAX_BYTES: usize = 256 << 20;
/// Longest time for them to come in.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers a request only once its body has come in, whoever read it.
pub(crate) async fn read_first(request: Request, next: Next) -> Response {
    // Who asks before sending a body sends none where the answer is no.
    let asks_first = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let body = Lent(Arc::new(Mutex::new(Some(body))));
    let response = next.run(Request::from_parts(head, Body::new(body.clone()))).await;
    let left = body.lock().take();
    if let Some(left) = left
        && !asks_first
        && !left.is_end_stream()
    {
        let _ = tokio::time::timeout(PATIENCE, throw_away(left)).await;
    }
    response
}

async fn throw_away(body: Body) {
    let mut parts = body.into_data_stream();
    let mut bytes = 0;
    while let Some(Ok(part)) = parts.next().await {
        bytes += part.len();
        if bytes > MAX_BYTES {
            return;
        }
    }
}

/// A body that is lent to who answers; nothing once it has ended or was taken back.
#[derive(Clone)]
struct Lent(Arc<Mutex<Option<Body>>>);

impl Lent {
    fn lock(&self) -> MutexGuard<'_, Option<Body>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut lent = self.lock();
        let Some(body) = lent.as_mut() else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            *lent = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.lock().as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
