//! A network between clients and a server: every byte takes its time to arrive, and all of them share one connection's rate.
//!
//! What is shaped is delay and rate, as after a connection's first second: a network that starts slowly or loses packets is
//! not imitated. A new connection costs a way there and back before its first byte.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that are passed on at a time.
const STEP: usize = 32 << 10;
/// A thread that wakes too late may catch up so much.
const LATE: Duration = Duration::from_millis(3);

/// What the network is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shape {
    /// The way there and back.
    pub(crate) away: Duration,
    /// Bits in a second, each way.
    pub(crate) rate: Option<u64>,
}

/// The network. It lasts as long as the program.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: String,
    shape: Mutex<Shape>,
    up: Link,
    down: Link,
}

/// One direction.
#[derive(Default)]
struct Link {
    /// When the last byte that was taken has left.
    free: Mutex<Option<Instant>>,
    bytes: AtomicU64,
}

impl Proxy {
    /// A network before the server at this address.
    pub(crate) fn start(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (up, down) = (Link::default(), Link::default());
        let state = Arc::new(State { server: server.to_owned(), shape: Mutex::default(), up, down });
        let state_of = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&state_of);
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || state.connect(client));
            }
        });
        Ok(Self { address, state })
    }

    /// What it is like from now on.
    pub(crate) fn shape(&self, shape: Shape) {
        *self.state.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
    }

    /// Bytes that came from the server since this was asked last.
    pub(crate) fn received(&self) -> u64 {
        self.state.down.bytes.swap(0, Ordering::Relaxed)
    }
}

impl State {
    fn shape(&self) -> Shape {
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, client: TcpStream) -> io::Result<()> {
        std::thread::sleep(self.shape().away);
        let server = TcpStream::connect(&self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
        std::thread::scope(|scope| {
            scope.spawn(|| self.pass(client, server, &self.up));
            self.pass(server_too, client_too, &self.down);
        });
        Ok(())
    }

    /// Passes everything on until there is nothing more.
    fn pass(&self, mut from: TcpStream, to: TcpStream, link: &Link) {
        // What is on its way is bounded by how far it is, not by this.
        let (sender, receiver) = sync_channel(1 << 14);
        std::thread::scope(|scope| {
            scope.spawn(|| deliver(to, receiver));
            let mut buffer = vec![0; STEP];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let shape = self.shape();
                let left = link.take(length as u64, shape.rate);
                std::thread::sleep(left.saturating_duration_since(Instant::now()));
                if sender.send((left + shape.away / 2, buffer[..length].to_vec())).is_err() {
                    break;
                }
            }
            drop(sender);
        });
    }
}

impl Link {
    /// When so many bytes have left, after all those before them.
    fn take(&self, bytes: u64, rate: Option<u64>) -> Instant {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = Instant::now();
        let Some(rate) = rate else { return now };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free.map_or(now, |free| free.max(now.checked_sub(LATE).unwrap_or(now)));
        let left = begins + Duration::from_secs_f64(bytes as f64 * 8.0 / rate as f64);
        *free = Some(left);
        left
    }
}

/// Writes each piece when its time has come.
fn deliver(mut to: TcpStream, pieces: Receiver<(Instant, Vec<u8>)>) {
    for (arrives, piece) in pieces {
        std::thread::sleep(arrives.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    // Whoever is gone already cannot be told.
    let _ = to.shutdown(Shutdown::Write);
}
