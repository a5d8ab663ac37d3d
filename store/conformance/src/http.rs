//! A small HTTP/1.1 server for tests of clients: a thread per connection, over whatever answers. It can lie.
//!
//! The real host has limits, TLS and a runtime; this one has none of them, and does what it is told: cut a body off, announce
//! another length, say nothing.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pollster::block_on;
use sci_service::http::{Body, Expected, Front, Method, Reply, Request, expected};
use sci_service::{Access, Blobs, Clock, Keys, Sql};
use sci_store_api::Secret;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The method.
    pub method: String,
    /// The path, and the query with its question mark.
    pub target: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Heard {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// An answer, and how it goes wrong.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The status; 0 closes the connection without an answer.
    pub status: u16,
    /// Headers beside the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The length that is announced, when it is another.
    pub length: Option<u64>,
    /// Bytes of the body after which the connection is closed.
    pub cut: Option<usize>,
    /// Repeats the body for ever, in chunks.
    pub endless: bool,
}

impl Said {
    /// An answer in JSON.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    /// Writes the answer to a request, as far as it goes.
    pub fn write(&self, heard: &Heard, writer: &mut impl Write) -> io::Result<()> {
        let length = self.length.unwrap_or(self.body.len() as u64);
        write!(writer, "HTTP/1.1 {} X\r\n", self.status)?;
        for (name, value) in &self.headers {
            write!(writer, "{name}: {value}\r\n")?;
        }
        let announces = self.headers.iter().any(|(name, _)| name == "content-length");
        match (self.endless, self.status == 204 || announces) {
            (true, _) => writer.write_all(b"transfer-encoding: chunked\r\n\r\n")?,
            (false, true) => writer.write_all(b"\r\n")?,
            (false, false) => write!(writer, "content-length: {length}\r\n\r\n")?,
        }
        if self.endless {
            loop {
                write!(writer, "{:x}\r\n", self.body.len())?;
                writer.write_all(&self.body)?;
                writer.write_all(b"\r\n")?;
            }
        }
        let sent = if heard.method == "HEAD" { 0 } else { self.cut.unwrap_or(usize::MAX).min(self.body.len()) };
        writer.write_all(&self.body[..sent])?;
        writer.flush()
    }
}

/// What answers requests, on many threads at once.
pub type Answer = dyn Fn(&Heard) -> Said + Send + Sync;

/// A server at a port of its own until it is dropped.
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Serves.
    pub fn start(answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, stop) = (Arc::clone(&answer), Arc::clone(&stop));
                // A client that goes away ends its thread.
                std::thread::spawn(move || stream.and_then(|stream| converse(stream, &*answer, &stop)));
            }
        });
        Self { address, stopped }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn converse(stream: TcpStream, answer: &Answer, stopped: &AtomicBool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = io::BufWriter::with_capacity(1 << 16, stream);
    while let Some(heard) = hear(&mut reader)? {
        let said = answer(&heard);
        if said.status == 0 || stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        said.write(&heard, &mut writer)?;
        if said.cut.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a request; none at the end.
pub fn hear(reader: &mut impl BufRead) -> io::Result<Option<Heard>> {
    let mut heard = Heard::default();
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    heard.method = words.next().unwrap_or_default();
    heard.target = words.next().unwrap_or_default();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        heard.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = heard.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    heard.body = vec![0; length];
    reader.read_exact(&mut heard.body)?;
    Ok(Some(heard))
}

/// What a front answers.
pub fn over<B, S, C, K, A>(front: &Front<B, S, C, K, A>, heard: &Heard) -> Said
where
    B: Blobs<Upload: From<Bytes>, Download: TryInto<Bytes, Error = io::Error>>,
    S: Sql,
    C: Clock,
    K: Keys,
    A: Access<B, S, C, K>,
{
    let method = match heard.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Said::json(405, ""),
    };
    let (path, query) = heard.target.split_once('?').unwrap_or((&heard.target, ""));
    let body = match expected(method, path) {
        Expected::Json(most) if heard.body.len() > most => return Said::json(413, ""),
        Expected::Json(_) => Body::Json(heard.body.clone()),
        Expected::Object => {
            // What is announced and what comes are two things when a sender is cut off.
            let announced = heard.header("content-length").and_then(|length| length.parse().ok());
            let length = announced.unwrap_or(heard.body.len() as u64);
            Body::Object { length, body: Bytes::from(heard.body.clone()).into() }
        }
    };
    let bearer = heard.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        bearer: bearer.map(|bearer| Secret::new(bearer.to_owned())),
        range: heard.header("range").map(str::to_owned),
        body,
    };
    let response = block_on(front.handle(request));
    let body = match response.body {
        Reply::Empty => Vec::new(),
        Reply::Json(bytes) => bytes,
        Reply::Object { body, .. } => match body.try_into() {
            Ok(bytes) => bytes.to_vec(),
            Err(_) => return Said::default(),
        },
    };
    let headers = response.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Said { status: response.status, headers, body, ..Said::default() }
}
