//! Connections, and how long one is kept whose other end takes nothing of what it is sent.
//!
//! Such a one would hold a place among those who listen, a turn among those who export, and what has been written for it. The kernel
//! keeps it for as long as the other end's kernel answers, which is for ever.

pub(crate) mod streams;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::metrics::STALLED;

/// Longest time in which nothing is taken while something is to be sent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Takes connections.
pub(crate) struct Patient {
    listener: TcpListener,
    patience: Duration,
}

impl Patient {
    pub(crate) const fn new(listener: TcpListener) -> Self {
        Self { listener, patience: PATIENCE }
    }
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are small and clients wait for them: nothing is held back to fill a packet.
        let _ = stream.set_nodelay(true);
        (Connection { stream, patience: self.patience, stalled: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    patience: Duration,
    /// Ends what is to be sent and is not taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// What became of a writing, or an error where nothing was taken for too long.
    fn watched(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        metrics::counter!(STALLED).increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    pub(super) const PIECE: usize = 64 << 10;
    pub(super) const WITHIN: Duration = Duration::from_secs(60);

    /// An answer that somebody waits for.
    #[derive(Clone, Default)]
    pub(super) struct Answer {
        pub(super) pieces: Arc<AtomicUsize>,
        pub(super) gone: Arc<Notify>,
    }

    struct Wanted(Answer);

    impl Drop for Wanted {
        fn drop(&mut self) {
            self.0.gone.notify_one();
        }
    }

    impl Answer {
        /// So many pieces.
        pub(super) fn body(&self, pieces: usize) -> Body {
            let wanted = Wanted(self.clone());
            Body::from_stream(stream::iter(0..pieces).map(move |_| {
                wanted.0.pieces.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(Bytes::from(vec![b'x'; PIECE]))
            }))
        }
    }

    /// Asks a server with so much patience for an answer of so many pieces.
    async fn ask(answer: &Answer, pieces: usize, patience: Duration) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = answer.clone();
        let router = Router::new().route("/", get(move || async move { answer.body(pieces) }));
        tokio::spawn(async move { axum::serve(Patient { listener, patience }, router).await });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        stream
    }

    #[tokio::test]
    async fn who_never_reads_is_dropped_and_what_was_for_it_is_not_made() {
        let answer = Answer::default();
        let mut stream = ask(&answer, usize::MAX, Duration::from_millis(200)).await;
        timeout(WITHIN, answer.gone.notified()).await.expect("it is dropped");
        let made = answer.pieces.load(Ordering::Relaxed);
        assert!(made * PIECE < 64 << 20, "{made} pieces were made for nobody");
        // What the kernel had taken is there still, and then the end.
        let read = timeout(WITHIN, stream.read_to_end(&mut Vec::new())).await.expect("the connection has ended");
        assert!(read.is_err() || read.is_ok_and(|bytes| bytes <= (made + 1) * (PIECE + 16)));
        assert_eq!(answer.pieces.load(Ordering::Relaxed), made);
    }

    #[tokio::test]
    async fn who_reads_slowly_gets_all_of_it() {
        let answer = Answer::default();
        let mut stream = ask(&answer, 256, Duration::from_secs(20)).await;
        let (mut all, mut some) = (0, vec![0; PIECE]);
        loop {
            let read = timeout(WITHIN, stream.read(&mut some)).await.unwrap().unwrap();
            all += read;
            if read == 0 {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        assert!(all > 256 * PIECE, "{all}");
    }
}
