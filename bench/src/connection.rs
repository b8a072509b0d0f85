//! One keep-alive connection that sends HTTP/1.1 requests one after the other.
//!
//! What it costs is copying: the bodies are made before, and the head is a few words.
//!
//! Understands what a server of this project answers, an HTTP/1.1 message with `content-length` or in chunks, and nothing more.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::Context as _;

use crate::workload::{Request, Route};

/// An answer that takes longer is an error.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// A key of it.
    pub(crate) key: String,
}

impl Target {
    /// The server at a URL such as `http://127.0.0.1:6180`.
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let host = url.strip_prefix("http://").context("the URL must start with http://")?.trim_end_matches('/');
        let address =
            host.to_socket_addrs().with_context(|| format!("look up {host}"))?.next().context("the host has no address")?;
        Ok(Self { address, key: key.to_owned() })
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body of an answer with status 200.
    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        anyhow::ensure!(self.status == 200, "status {}: {}", self.status, self.text());
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    key: String,
    request: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), key: target.key.clone(), request: Vec::new() })
    }

    /// Sends spans; an answer that does not take all of them is an error.
    pub(crate) fn send(&mut self, request: &Request) -> anyhow::Result<()> {
        let answer = match request.route {
            Route::Trace => self.post("/v1/trace", "application/json", &request.body)?,
            Route::Traces => self.post("/v1/traces", "application/x-protobuf", &request.body)?,
        };
        // An export that was taken whole is answered with an empty message.
        let taken = answer.status == 200 && (request.route == Route::Trace || answer.body.is_empty());
        anyhow::ensure!(taken, "status {}: {}", answer.status, answer.text());
        Ok(())
    }

    /// Asks for a path.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.exchange("GET", path, "", &[])
    }

    /// Posts a body.
    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> io::Result<Answer> {
        self.exchange("POST", path, content_type, body)
    }

    fn exchange(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> io::Result<Answer> {
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {0}\r\ntoken: {0}\r\n",
            self.key
        )?;
        if !content_type.is_empty() {
            write!(self.request, "content-type: {content_type}\r\n")?;
        }
        write!(self.request, "content-length: {}\r\n\r\n", body.len())?;
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| odd(format!("no status in {status_line:?}")))?;
        let (mut length, mut chunked) = (None, false);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse::<u64>().ok(),
                    "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
                    _ => {}
                }
            }
        }
        let mut body = Vec::new();
        if chunked {
            self.chunks(&mut body)?;
        } else {
            self.bytes(length.ok_or_else(|| odd("the answer says no length".to_owned()))?, &mut body)?;
        }
        Ok(Answer { status, body })
    }

    /// The chunks of a body (RFC 9112, 7.1), up to the empty one; what is behind that is skipped.
    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().and_then(|size| u64::from_str_radix(size.trim(), 16).ok());
            let size = size.ok_or_else(|| odd(format!("no size of a chunk in {line:?}")))?;
            self.bytes(size, body)?;
            // A chunk ends its line; behind the empty one an empty line ends the fields of a trailer.
            while !self.line()?.is_empty() {}
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn bytes(&mut self, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
        let read = (&mut self.stream).take(length).read_to_end(body)?;
        if (read as u64) < length { Err(closed()) } else { Ok(()) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(closed());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")
}

fn odd(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn answers_are_told_apart_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target { address: listener.local_addr().unwrap(), key: "nt_x".to_owned() };
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            let first = head_of(&mut stream);
            assert!(first.starts_with("GET /a HTTP/1.1\r\n") && first.contains("Bearer nt_x\r\n"), "{first}");
            let mut answer = stream.get_ref().try_clone().unwrap();
            answer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\"a\"").unwrap();
            let head = head_of(&mut stream);
            assert!(head.contains("content-length: 2\r\n"), "{head}");
            let mut body = [0; 2];
            stream.read_exact(&mut body).unwrap();
            answer.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
            let third = head_of(&mut stream);
            assert!(third.starts_with("GET /b "), "{third}");
            answer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n\"b\r\n").unwrap();
            answer.write_all(b"b\r\n0123456789\"\r\n0\r\nafter: all\r\n\r\n").unwrap();
        });
        let mut connection = Connection::open(&target).unwrap();
        assert_eq!(connection.get("/a").unwrap().json().unwrap(), "a");
        let request = Request { route: Route::Traces, body: b"ab".to_vec(), ids: Vec::new(), text_bytes: 2 };
        assert!(connection.send(&request).unwrap_err().to_string().contains("401"));
        assert_eq!(connection.get("/b").unwrap().json().unwrap(), "b0123456789");
        server.join().unwrap();
        assert!(connection.get("/a").is_err());
    }

    fn head_of(stream: &mut BufReader<TcpStream>) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).unwrap() > 0, "closed after {head}");
        }
        head
    }
}
