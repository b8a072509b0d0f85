//! A server on a loopback port that answers as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuraltrust::{Client, Options};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// One answer: status, further header lines, body. With the status 0 the body is all that is written before the connection is cut.
pub(crate) type Answer = (u16, &'static str, Vec<u8>);

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) export: ExportTraceServiceRequest,
}

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    stopped: Arc<AtomicBool>,
    listens: std::thread::JoinHandle<()>,
}

impl Server {
    /// Gives the answers in turn, then 200 for ever.
    pub(crate) fn answering(answers: Vec<Answer>) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    /// A server that comes up at an address that [`nowhere`] gave.
    pub(crate) fn at(base_url: &str, answers: Vec<Answer>) -> Self {
        Self::listening(TcpListener::bind(base_url.trim_start_matches("http://")).unwrap(), answers)
    }

    /// Gives the answers on what listens already.
    pub(crate) fn listening(listener: TcpListener, answers: Vec<Answer>) -> Self {
        Self::slow(listener, answers, Duration::ZERO)
    }

    /// Lets every answer wait for so long.
    pub(crate) fn slow(listener: TcpListener, answers: Vec<Answer>, pause: Duration) -> Self {
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let kept = Arc::clone(&requests);
        let (connections, stopped) = (Arc::<Mutex<Vec<TcpStream>>>::default(), Arc::<AtomicBool>::default());
        let (open, ends) = (Arc::clone(&connections), Arc::clone(&stopped));
        let listens = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(SeqCst) {
                    return;
                }
                open.lock().unwrap().extend(stream.try_clone());
                let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = read(&mut reader) {
                        kept.lock().unwrap().push(request);
                        std::thread::sleep(pause);
                        let (status, headers, body) = answers.lock().unwrap().next().unwrap_or((200, "", Vec::new()));
                        if status == 0 {
                            let stream = reader.get_mut();
                            drop(stream.write_all(&body).and_then(|()| stream.shutdown(Shutdown::Both)));
                            return;
                        }
                        let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                        let stream = reader.get_mut();
                        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests, connections, stopped, listens }
    }

    /// Goes away as the end of a process does: its connections are cut and nobody listens. Gives what came.
    pub(crate) fn stop(self) -> Vec<Span> {
        self.stopped.store(true, SeqCst);
        drop(TcpStream::connect(self.address));
        self.listens.join().unwrap();
        for connection in self.connections.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
        self.requests.lock().unwrap().iter().flat_map(|request| spans(&request.export)).collect()
    }

    pub(crate) fn options(&self) -> Options {
        options(&format!("http://{}", self.address))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The spans of all requests that were answered with 200, in their order.
    pub(crate) fn all_spans(&self) -> Vec<Span> {
        self.requests().iter().flat_map(|request| spans(&request.export)).collect()
    }

    /// The spans of the request with this number.
    pub(crate) fn spans(&self, request: usize) -> Vec<Span> {
        spans(&self.requests()[request].export)
    }
}

/// Options for quick tests.
pub(crate) fn options(base_url: &str) -> Options {
    Options {
        api_key: Some("test-key".to_owned()),
        base_url: base_url.to_owned(),
        batch_delay: Duration::from_millis(20),
        backoff: Duration::from_millis(5),
        ..Options::default()
    }
}

/// An address on which nobody listens.
pub(crate) fn nowhere() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}")
}

pub(crate) fn spans(export: &ExportTraceServiceRequest) -> Vec<Span> {
    export.resource_spans.iter().flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line == "\r\n" {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let plain = if head.contains("content-encoding: zstd\r\n") {
        zstd::stream::decode_all(body.as_slice()).ok()?
    } else {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).ok()?;
        plain
    };
    Some(Request { head, export: ExportTraceServiceRequest::decode(plain.as_slice()).ok()? })
}
