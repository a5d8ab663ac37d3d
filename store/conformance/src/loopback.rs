//! The test issuer's keys over HTTP on this machine, for hosts that fetch them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::issuer::TestIssuer;

/// How the issuer answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// With its keys.
    Keys,
    /// With this status and no keys.
    Status(u16),
    /// By sending whoever asks to another address, where the keys are.
    Elsewhere,
    /// With its keys, after so many blanks.
    Padded(usize),
    /// With its key under these names.
    Named(&'static [&'static str]),
}

/// An issuer that listens. Its thread ends with the process.
pub struct Loopback {
    /// The issuer, to sign with.
    pub issuer: TestIssuer,
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
}

impl Default for Loopback {
    fn default() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (issuer, manner) = (TestIssuer::default(), Arc::new(Mutex::new(Manner::Keys)));
        let (serving, manners) = (issuer.clone(), Arc::clone(&manner));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let manner = manners.lock().unwrap().clone();
                // A client that has gone away is no concern of the others.
                let _ = stream.and_then(|stream| answer(&serving, &manner, stream));
            }
        });
        Self { issuer, address, manner }
    }
}

impl Loopback {
    /// The issuer's address: the claim `iss` of its identities.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers differently from now on.
    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// How often keys were asked for.
    pub fn fetches(&self) -> u32 {
        self.issuer.fetches.load(Ordering::SeqCst)
    }

    /// An identity of a push to main, with whatever else is changed in it.
    pub fn identity(&self, audience: &str, seconds: u64, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.issuer.push(audience, seconds);
        claims["iss"] = self.url().into();
        change(&mut claims);
        self.issuer.token(&claims)
    }
}

fn answer(issuer: &TestIssuer, manner: &Manner, mut stream: TcpStream) -> io::Result<()> {
    let path = asked(&mut stream)?;
    let keys = String::from_utf8_lossy(&issuer.jwks()).into_owned();
    let (status, headers, body) = match manner {
        _ if path == "/elsewhere" => (200, String::new(), keys),
        Manner::Keys => (200, String::new(), keys),
        Manner::Status(status) => (*status, String::new(), String::new()),
        Manner::Elsewhere => (302, "location: /elsewhere\r\n".to_owned(), String::new()),
        Manner::Named(ids) => (200, String::new(), String::from_utf8_lossy(&issuer.jwks_of(ids)).into_owned()),
        Manner::Padded(blanks) => (200, String::new(), " ".repeat(*blanks) + &keys),
    };
    issuer.fetches.fetch_add(1, Ordering::SeqCst);
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
}

/// The path of a request without a body.
fn asked(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}
