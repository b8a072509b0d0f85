//! Answers on streams of HTTP/2, and how long one is kept of which nothing more is taken.
//!
//! Many streams share a connection, which lives as long as one of them does, while the window of another may stay closed. What makes
//! such an answer is let go of, and with it a place among those who listen or a turn among those who export. Its stream stays until
//! the connection ends, since who waits for a window asks for nothing meanwhile and so can be told nothing: it holds two pieces of
//! the answer, and hyper has 200 streams of a connection at a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::PATIENCE;
use crate::metrics::STALLED;

/// Most bytes of an answer that are handed over at a time.
const PIECE: usize = 64 << 10;

/// Watches over the answer to a request, where that came on a stream.
pub(crate) async fn watch(request: Request, next: Next) -> Response {
    watch_for(request, next, PATIENCE).await
}

async fn watch_for(request: Request, next: Next, patience: Duration) -> Response {
    let on_stream = request.version() == Version::HTTP_2;
    let response = next.run(request).await;
    if on_stream { response.map(|body| Body::new(Watched::new(body, patience))) } else { response }
}

/// An answer that is let go of where nobody asks for its next piece.
struct Watched {
    answer: Arc<Mutex<Answer>>,
    patience: Duration,
    /// Begins when there is more than one piece.
    watching: Option<AbortHandle>,
}

struct Answer {
    /// What makes it; nothing once it has ended or was let go of.
    body: Option<Body>,
    /// What has been made of it and was not handed over.
    rest: Bytes,
    /// When a piece was handed over behind which nothing was asked for yet.
    handed: Option<Instant>,
    let_go: bool,
}

fn lock(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answer {
    fn has_ended(&self) -> bool {
        !self.let_go && self.rest.is_empty() && self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}

impl Watched {
    fn new(body: Body, patience: Duration) -> Self {
        let answer = Answer { body: Some(body), rest: Bytes::new(), handed: None, let_go: false };
        Self { answer: Arc::new(Mutex::new(answer)), patience, watching: None }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let shared = Arc::clone(&self.answer);
        let mut answer = lock(&shared);
        answer.handed = None;
        if answer.let_go {
            return Poll::Ready(Some(Err(axum::Error::new("the other end took nothing of the answer for too long"))));
        }
        if answer.rest.is_empty() {
            let Some(body) = &mut answer.body else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => answer.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = answer.rest.len().min(PIECE);
        // A copy, since a part of what was made would keep all of it.
        let piece = Bytes::copy_from_slice(&answer.rest.split_to(length));
        if answer.has_ended() {
            answer.body = None;
        } else {
            answer.handed = Some(Instant::now());
            if self.watching.is_none() {
                let watching = tokio::spawn(watch_over(Arc::downgrade(&shared), self.patience));
                self.watching = Some(watching.abort_handle());
            }
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.answer).has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        let answer = lock(&self.answer);
        let to_come = answer.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint);
        to_come + SizeHint::with_exact(answer.rest.len() as u64)
    }
}

/// Lets go of an answer once nothing has been asked for in so long behind a piece of it.
async fn watch_over(answer: Weak<Mutex<Answer>>, patience: Duration) {
    let mut look = Instant::now() + patience;
    loop {
        sleep_until(look).await;
        let Some(answer) = answer.upgrade() else { return };
        match let_go(&answer, patience) {
            Some(later) => look = later,
            None => return,
        }
    }
}

/// Lets go of the answer where it is time to; else says when to look again.
fn let_go(answer: &Mutex<Answer>, patience: Duration) -> Option<Instant> {
    let now = Instant::now();
    let mut answer = lock(answer);
    // Where nothing was handed over, it waits for what makes the answer.
    let until = answer.handed.unwrap_or(now) + patience;
    if until > now {
        return Some(until);
    }
    answer.let_go = true;
    let gone = (answer.body.take(), std::mem::take(&mut answer.rest));
    // What makes the answer may do more when it ends than who holds the lock should wait for.
    drop(answer);
    drop(gone);
    metrics::counter!(STALLED).increment(1);
    None
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::super::tests::{self, WITHIN};
    use super::*;

    // RFC 9113, sections 3.4, 4.1 and 6.
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    const ACK: u8 = 1;
    /// `GET /` of `http://x` (RFC 7541, appendix A).
    const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 1, b'x'];

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
        [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The kind, flags and payload of the next frame.
    async fn read(connection: &mut TcpStream) -> (u8, u8, Vec<u8>) {
        let reading = async {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            connection.read_exact(&mut payload).await.unwrap();
            (head[3], head[4], payload)
        };
        timeout(WITHIN, reading).await.expect("something is sent")
    }

    /// Asks a server with so much patience for an answer of so many pieces, of which the stream takes so many bytes.
    async fn ask(answer: &tests::Answer, pieces: usize, patience: Duration, window: u32) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = answer.clone();
        let watched = from_fn(move |request: Request, next: Next| watch_for(request, next, patience));
        let router = Router::new().route("/", get(move || async move { answer.body(pieces) })).layer(watched);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut connection = TcpStream::connect(address).await.unwrap();
        let initial_window = [&[0_u8, 4][..], &window.to_be_bytes()].concat();
        let asked = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, &initial_window),
            frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, GET),
        ];
        connection.write_all(&asked.concat()).await.unwrap();
        connection
    }

    #[tokio::test]
    async fn an_answer_whose_stream_takes_no_more_is_let_go_of_and_its_connection_is_not() {
        let answer = tests::Answer::default();
        let mut connection = ask(&answer, usize::MAX, Duration::from_millis(200), 10_000).await;
        timeout(WITHIN, answer.gone.notified()).await.expect("it is let go of");
        let made = answer.pieces.load(Ordering::Relaxed);
        assert!(made <= 8, "{made} pieces were made for nobody");
        connection.write_all(&frame(PING, 0, 0, b"still on")).await.unwrap();
        let mut taken = 0;
        loop {
            match read(&mut connection).await {
                (DATA, _, payload) => taken += payload.len(),
                (PING, ACK, payload) => break assert_eq!(payload, b"still on"),
                _ => {}
            }
        }
        assert_eq!(taken, 10_000, "what there was a window for");
        assert_eq!(answer.pieces.load(Ordering::Relaxed), made);
    }

    #[tokio::test]
    async fn a_stream_that_takes_it_gets_all_of_it() {
        let answer = tests::Answer::default();
        let mut connection = ask(&answer, 64, Duration::from_secs(20), 1 << 30).await;
        let mut all = 0;
        loop {
            if let (DATA, flags, payload) = read(&mut connection).await {
                all += payload.len();
                if flags & END_STREAM != 0 {
                    break;
                }
            }
        }
        assert_eq!(all, 64 * tests::PIECE);
    }

    #[tokio::test]
    async fn a_large_piece_is_handed_over_in_small_ones() {
        let whole: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let mut answer = Watched::new(Body::from(whole.clone()), PATIENCE);
        assert_eq!(answer.size_hint().exact(), Some(300_000));
        let mut said = Vec::new();
        while let Some(frame) = answer.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE);
            said.extend(piece);
            assert_eq!(answer.size_hint().exact(), Some(300_000 - said.len() as u64));
        }
        assert!(said == whole && answer.is_end_stream());
    }
}
