//! A gate between clients and a backend: whoever holds it sees each request, and may do something at a chosen moment of one.
//!
//! One request to a connection, read whole before it is passed on: that is all the clients under test need.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// A moment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It has come, and the backend knows nothing of it.
    Come,
    /// The backend has half of its body.
    Half,
    /// The backend has all of it, and perhaps has begun to act.
    Sent,
    /// The backend has answered, and the client does not know yet.
    Answered,
    /// The backend has answered, and the client will never know.
    Lost,
}

/// A moment of the request that is wanted: the `nth`, from 1, whose line begins with `line`, as `POST /v1/saves `.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// How its first line begins.
    pub line: &'static str,
    /// Which of them.
    pub nth: usize,
    /// When.
    pub moment: Moment,
}

/// A request that waits at the point that was asked for. It goes on when this is dropped.
pub struct Held(#[expect(dead_code, reason = "the request waits for its end")] Sender<()>);

/// The gate. It lasts as long as the test.
pub struct Gate {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    backend: u16,
    trap: Mutex<Option<Trap>>,
}

struct Trap {
    point: Point,
    seen: usize,
    caught: Sender<Held>,
}

impl Gate {
    /// A gate before the backend on this port of loopback.
    pub fn before(backend: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { backend, trap: Mutex::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || state.pass(&client));
            }
        });
        Self { port, state }
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Holds the next request that comes to `point`; the receiver gets it.
    pub fn hold(&self, point: Point) -> Receiver<Held> {
        let (caught, receiver) = channel();
        *self.state.lock() = Some(Trap { point, seen: 0, caught });
        receiver
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, client: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client);
        let request = Head::read(&mut reader)?;
        let mut body = Vec::new();
        request.read_body(&mut reader, &mut body)?;

        let moment = self.meets(&request.0[0]);
        let at = |now| {
            if moment == Some(now) {
                self.wait()
            }
        };
        at(Moment::Come);
        let mut backend = TcpStream::connect(("127.0.0.1", self.backend))?;
        request.write(&mut backend)?;
        let (first, second) = body.split_at(body.len() / 2);
        backend.write_all(first)?;
        at(Moment::Half);
        backend.write_all(second)?;
        at(Moment::Sent);
        let mut reader = BufReader::new(&backend);
        let answer = Head::read(&mut reader)?;
        let mut body = Vec::new();
        if !request.0[0].starts_with("HEAD ") {
            answer.read_body(&mut reader, &mut body)?;
        }
        at(Moment::Answered);
        if moment == Some(Moment::Lost) {
            self.wait();
            return Ok(());
        }
        let mut client = client;
        answer.write(&mut client)?;
        client.write_all(&body)
    }

    /// When the request with this first line is to be held, if it is.
    fn meets(&self, line: &str) -> Option<Moment> {
        let mut trap = self.lock();
        let trap = trap.as_mut().filter(|trap| line.starts_with(trap.point.line))?;
        trap.seen += 1;
        (trap.seen == trap.point.nth).then_some(trap.point.moment)
    }

    /// Waits until whoever asked for it lets go.
    fn wait(&self) {
        let Some(trap) = self.lock().take() else { return };
        let (held, released) = channel();
        if trap.caught.send(Held(held)).is_ok() {
            // It ends with an error, which is the sign.
            let _ = released.recv();
        }
    }
}

/// The lines of a head.
struct Head(Vec<String>);

impl Head {
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            match line(from)? {
                end if end == "\r\n" => return Ok(Self(lines)),
                line => lines.push(line),
            }
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let mut fields = self.0.iter().filter_map(|line| line.split_once(':'));
        fields.find(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.trim().to_ascii_lowercase())
    }

    /// Writes it for a connection that ends after this.
    fn write(&self, to: &mut impl io::Write) -> io::Result<()> {
        let kept = self.0.iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let kept: String = kept.map(String::as_str).collect();
        to.write_all(format!("{kept}connection: close\r\n\r\n").as_bytes())
    }

    /// The body after it, as it is on the wire.
    fn read_body(&self, from: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
        if self.value("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            loop {
                let size = line(from)?;
                body.extend_from_slice(size.as_bytes());
                let length = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
                part(from, length + 2, body)?;
                if length == 0 {
                    return Ok(());
                }
            }
        }
        let length = self.value("content-length").and_then(|length| length.parse().ok());
        part(from, length.unwrap_or(0), body)
    }
}

/// A line with its end; an error where there is none.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if line.ends_with("\r\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// So many further bytes.
fn part(from: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let start = body.len();
    body.resize(start + length, 0);
    from.read_exact(&mut body[start..])
}
