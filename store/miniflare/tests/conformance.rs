//! The conformance suite against the Worker. What a client can ask for is asked of the Worker, over HTTP, with the clock and
//! the keys of the case. What only a service in the same process can do (collect without grace, look at rows, lose a blob) is
//! done by one in this process, over the Worker's own R2 and D1; and so is what happens while a case has a fault or another's
//! step laid in wait, since those are functions of this process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Condvar, LazyLock, Mutex};

use bytes::Bytes;
use pollster::block_on;
use sci_conformance::Harness;
use sci_conformance::door::{Received, Sent, TestFront, Wire, direct};
use sci_miniflare::remote::{Doors, RemoteBlobs, RemoteSql};
use sci_miniflare::{Bundle, Miniflare};
use serde_json::json;

/// Worlds that may be in use at once.
const WORLDS: usize = 12;

/// One workerd for every case, and the worlds that nobody uses.
struct Worker {
    miniflare: Miniflare,
    free: Mutex<Vec<usize>>,
    given_back: Condvar,
}

static WORKER: LazyLock<Worker> = LazyLock::new(|| Worker {
    miniflare: Miniflare::start(env!("CARGO_TARGET_TMPDIR"), Bundle::Testing, &json!({ "worlds": WORLDS })),
    free: Mutex::new((0..WORLDS).collect()),
    given_back: Condvar::new(),
});

/// A bucket and a database of the Worker's.
struct InWorkerd {
    doors: Doors,
    world: usize,
}

impl Default for InWorkerd {
    fn default() -> Self {
        let mut free = WORKER.given_back.wait_while(WORKER.free.lock().unwrap(), |free| free.is_empty()).unwrap();
        let world = free.pop().unwrap();
        drop(free);
        let doors = Doors::new(WORKER.miniflare.url(), world);
        doors.reset();
        Self { doors, world }
    }
}

impl Drop for InWorkerd {
    fn drop(&mut self) {
        if let Ok(mut free) = WORKER.free.lock() {
            free.push(self.world);
            WORKER.given_back.notify_one();
        }
    }
}

impl Harness for InWorkerd {
    type Blobs = RemoteBlobs;
    type Sql = RemoteSql;
    const PLAYS: u32 = 8;

    fn open(&self) -> (RemoteBlobs, RemoteSql) {
        (RemoteBlobs(self.doors.clone()), RemoteSql(self.doors.clone()))
    }

    fn wire(&self, front: Arc<TestFront<Self>>) -> Option<Box<dyn Wire>> {
        Some(Box::new(ToWorkerd { doors: self.doors.clone(), front }))
    }
}

struct ToWorkerd {
    doors: Doors,
    front: Arc<TestFront<InWorkerd>>,
}

impl Wire for ToWorkerd {
    fn send(&self, sent: Sent) -> Received {
        let service = self.front.service();
        if service.blobs().is_armed() || service.index().is_armed() {
            return block_on(direct::<InWorkerd>(&self.front, sent));
        }
        let (key, public) = service.keys().held();
        let header = self.doors.header(service.now().0, key, &public);
        let (status, body) = self.doors.send(&sent, &header);
        Received { status, body: Bytes::from(body) }
    }
}

#[test]
fn every_case_of_the_suite() {
    sci_conformance::run_all(sci_conformance::suite_list!(InWorkerd));
}
