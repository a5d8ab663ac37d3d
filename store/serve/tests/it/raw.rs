//! Connections that no decent client would open: written and read byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use sci_store_api::{ObjectId, routes};

use crate::bench::{Bench, bytes, eventually};

/// Bytes that [`Raw::half`] sends.
pub(crate) const HALF: usize = 500_000;

/// A connection.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn open(bench: &Bench) -> Self {
        let stream = TcpStream::connect(bench.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(stream)
    }

    /// Begins the upload of an object of this content, and sends only the head.
    pub(crate) fn upload(bench: &Bench, ticket: &str, content: &[u8]) -> Self {
        Self::announce(bench, ticket, ObjectId::of(content), content.len())
    }

    /// Begins the upload of an object that has so many bytes, and sends only the head.
    pub(crate) fn announce(bench: &Bench, ticket: &str, object: ObjectId, length: usize) -> Self {
        let mut raw = Self::open(bench);
        let target = routes::fill(routes::OBJECT, object);
        raw.say(&format!(
            "PUT {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ticket}\r\ncontent-length: {length}\r\n\r\n"
        ));
        raw
    }

    /// Begins such an upload, of a content that is returned, and waits until the first half of it has arrived.
    pub(crate) fn half(bench: &Bench, ticket: &str) -> (Self, Vec<u8>) {
        let content = bytes(2 * HALF, 1);
        let mut raw = Self::upload(bench, ticket, &content);
        raw.send(&content[..HALF]);
        eventually("it arrives", || bench.files().1 == 1);
        (raw, content)
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Everything that still comes until the server closes; how it closes does not matter.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.0.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The first line of the answer.
    pub(crate) fn status(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }
}
