//! Scripts that stand for what is not on this machine: node runs them, and they listen on loopback.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running script. It ends when dropped.
pub(crate) struct StandIn {
    child: Child,
    /// What it told when it listened, in a line of JSON: its port, or several by their names.
    pub(crate) told: Value,
}

impl StandIn {
    /// Runs a script of `e2e/` until it listens. What it logs is told beside what the test tells.
    pub(crate) fn start(script: &str, argument: Option<&OsStr>) -> Self {
        let mut command = Command::new("node");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).args(argument);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{script} did not start: {line}"));
        Self { child, told }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A port that was told.
pub(crate) fn port(told: &Value) -> u16 {
    u16::try_from(told.as_u64().unwrap()).unwrap()
}

/// Asks whoever listens at a port of loopback, and gives the JSON that it answers.
pub(crate) fn ask(port: u16, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nhost: stand-in\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}
