//! A real server of buckets on loopback: moto, as `cargo xtask unit` installs it. It ends with its process, however that ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Serves on a free port, which it tells, until nobody holds the other end of its input any more.
const PROGRAM: &str = "
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
";

/// What the server takes for a signature: it believes everybody.
const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// A server of buckets.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    port: u16,
    buckets: AtomicU32,
}

impl Moto {
    /// Starts one. `tmp` is the `CARGO_TARGET_TMPDIR` of the test, beside which tools are installed.
    pub fn start(tmp: &str) -> Self {
        let python = python(Path::new(tmp));
        assert!(python.exists(), "{} is missing: `cargo xtask unit` installs it", python.display());
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("moto tells its port when it listens");
        Self { child, port, buckets: AtomicU32::new(0) }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new bucket.
    pub fn bucket(&self) -> String {
        let name = format!("bucket-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        assert_eq!(self.send("PUT", &format!("/{name}"), b"").0, 200);
        name
    }

    /// Sends a request as somebody whom the server believes; gives status and body.
    pub fn send(&self, method: &str, target: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {SIGNED}\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python(tmp: &Path) -> PathBuf {
    tmp.with_file_name("tools").join("moto/bin/python")
}
