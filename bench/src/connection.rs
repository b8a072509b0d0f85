//! One keep-alive connection that sends HTTP/1.1 requests one after the other.
//!
//! What it costs is copying: the bodies are made before, and the head is a few words.
//!
//! Understands what a server of this project answers, an HTTP/1.1 message with `content-length`, and nothing more.

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
    /// The body of an answer with status 200.
    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        anyhow::ensure!(self.status == 200, "status {}: {}", self.status, String::from_utf8_lossy(&self.body));
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
        anyhow::ensure!(taken, "status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
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
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<u64>().ok();
            }
        }
        let length = length.ok_or_else(|| odd("the answer has no content-length".to_owned()))?;
        let mut body = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Err(closed());
        }
        Ok(Answer { status, body })
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
            let mut head = || {
                let mut lines = Vec::new();
                while lines.last().is_none_or(|line| line != "\r\n") {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    lines.push(line);
                }
                lines.concat()
            };
            let first = head();
            assert!(first.starts_with("GET /a HTTP/1.1\r\n") && first.contains("Bearer nt_x\r\n"), "{first}");
            let mut answer = stream.get_ref().try_clone().unwrap();
            answer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\"a\"").unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).unwrap();
            }
            assert!(head.contains("content-length: 2\r\n"), "{head}");
            let mut body = [0; 2];
            stream.read_exact(&mut body).unwrap();
            answer.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        let mut connection = Connection::open(&target).unwrap();
        assert_eq!(connection.get("/a").unwrap().json().unwrap(), "a");
        let request = Request { route: Route::Traces, body: b"ab".to_vec(), ids: Vec::new(), text_bytes: 2 };
        assert!(connection.send(&request).unwrap_err().to_string().contains("401"));
        server.join().unwrap();
        assert!(connection.get("/a").is_err());
    }
}
