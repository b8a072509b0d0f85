//! A server with the same routes that reads what it is sent, decodes and normalizes it, and throws it away: what HTTP and
//! decoding alone cost. It authenticates nobody.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use neuraltrust_model::{Source, limits::MAX_BODY_BYTES};
use neuraltrust_normalize::dialects::neuraltrust_v1;
use neuraltrust_normalize::otlp;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::connection::Target;

/// The server, until it is dropped.
pub(crate) struct Discard {
    runtime: Option<Runtime>,
    pub(crate) target: Target,
}

impl Discard {
    /// Starts it in threads of this process, as many as the real one has.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("listen")?;
        let target = Target { address: listener.local_addr()?, key: "nobody-asks".to_owned() };
        let router = Router::new()
            .route("/v1/trace", post(trace))
            .route("/v1/traces", post(traces))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { runtime: Some(runtime), target })
    }
}

impl Drop for Discard {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

async fn trace(body: Bytes) -> Result<&'static str, StatusCode> {
    let source = Source { client: None, version: None, protocol: "neuraltrust_v1".to_owned() };
    let patches = neuraltrust_v1::normalize(&body, source).map_err(|_| StatusCode::BAD_REQUEST)?;
    drop(std::hint::black_box(patches));
    Ok("{\"status\":200}")
}

async fn traces(body: Bytes) -> Result<(), StatusCode> {
    let normalized = otlp::normalize_protobuf(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    drop(std::hint::black_box(normalized));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::workload::{Chat, exports, singles};

    #[test]
    fn it_takes_what_the_server_takes_and_nothing_else() {
        let server = Discard::start().unwrap();
        let mut connection = Connection::open(&server.target).unwrap();
        let steps = || Chat::new(1, 100).take(20);
        for request in singles(steps()).chain(exports(steps(), 10)) {
            connection.send(&request).unwrap();
        }
        assert_eq!(connection.post("/v1/traces", "application/x-protobuf", b"no").unwrap().status, 400);
    }
}
