//! A client's machine in the simulation: connections end in the network beside it, and it waits in no time.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sci_conformance::fakes::TestClock;
use sci_conformance::http::hear;
use sci_remote::{Error, Machine};
use sci_service::Clock as _;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Timeout};

use crate::network::{Comes, Fault, Network};
use crate::scheduler::Scheduler;

/// The shortest time that passes for a client, in milliseconds: `ureq` reckons with the real time, which never takes so long.
const TICK: u64 = 1_000;

pub(crate) struct SimulatedMachine {
    network: Arc<Network>,
    scheduler: Arc<Scheduler>,
    clock: TestClock,
    start: Instant,
    began: u64,
    random: Mutex<fastrand::Rng>,
}

impl SimulatedMachine {
    pub(crate) fn new(network: Arc<Network>, scheduler: Arc<Scheduler>, clock: TestClock, seed: u64) -> Self {
        let (start, began) = (Instant::now(), clock.now().0);
        Self { network, scheduler, clock, start, began, random: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SimulatedMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedMachine")
    }
}

impl Machine for SimulatedMachine {
    fn agent(&self, config: Config) -> Agent {
        Agent::with_parts(config, Cable(Arc::clone(&self.network)), Nowhere)
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis((self.clock.now().0 - self.began) / TICK * TICK)
    }

    fn since_1970(&self) -> Duration {
        Duration::from_millis(self.clock.now().0)
    }

    fn pause(&self, time: Duration) {
        self.scheduler.step(u64::try_from(time.as_millis()).unwrap().next_multiple_of(TICK).max(TICK));
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.random(|random| random.fill(bytes));
        Ok(())
    }

    fn jitter(&self) -> f64 {
        self.random(fastrand::Rng::f64)
    }

    fn senders(&self) -> usize {
        0
    }

    fn readers(&self) -> usize {
        1
    }
}

#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 1).into());
        Ok(addresses)
    }
}

#[derive(Debug)]
struct Cable(Arc<Network>);

impl Connector for Cable {
    type Out = Connection;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        let buffers = LazyBuffers::new(64 << 10, 64 << 10);
        let network = Arc::clone(&self.0);
        Ok(Some(Connection { network, buffers, sent: Vec::new(), came: Vec::new(), read: 0, ends: false, fault: None }))
    }
}

/// A connection. What was sent is carried when the client waits for the answer.
#[derive(Debug)]
struct Connection {
    network: Arc<Network>,
    buffers: LazyBuffers,
    sent: Vec<u8>,
    came: Vec<u8>,
    read: usize,
    ends: bool,
    /// What goes wrong with the request that is being sent.
    fault: Option<Option<Fault>>,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.fault.get_or_insert_with(|| self.network.draw());
        self.sent.extend_from_slice(&self.buffers.output()[..amount]);
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        if self.read == self.came.len() && !self.sent.is_empty() {
            let heard = hear(&mut std::mem::take(&mut self.sent).as_slice())?.ok_or_else(ended)?;
            let fault = self.fault.take().flatten();
            match self.network.carry(&heard, fault) {
                Comes::Bytes { bytes, ends } => (self.came, self.read, self.ends) = (bytes, 0, ends),
                Comes::Nothing => {
                    self.ends = true;
                    return Err(ureq::Error::Timeout(Timeout::RecvResponse));
                }
                Comes::End => {
                    self.ends = true;
                    return Err(ended().into());
                }
            }
        }
        let into = self.buffers.input_append_buf();
        let length = into.len().min(self.came.len() - self.read);
        into[..length].copy_from_slice(&self.came[self.read..self.read + length]);
        self.buffers.input_appended(length);
        self.read += length;
        Ok(length > 0)
    }

    fn is_open(&mut self) -> bool {
        !self.ends
    }
}

fn ended() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}
