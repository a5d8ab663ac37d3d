//! A store with a server in front of it that does what a test tells it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pollster::block_on;
use sci_conformance::distance::Distance;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::http::{Heard, Said, Server, over};
use sci_conformance::issuer::TestIssuer;
use sci_conformance::state::State;
use sci_native::{MemoryBlobs, Sqlite};
use sci_remote::{Address, Identity, IdentityError, Remote, RemoteSave, Settings, Wanted};
use sci_service::http::{Front, Limits};
use sci_service::identity::{Gate, Issuer};
use sci_service::{Clock as _, Service, Settings as ServiceSettings};
use sci_store_api::admin::DAY;
use sci_store_api::saves::Committed;
use sci_store_api::{ObjectSink as _, PathName, Registration, Secret, StoreId};

/// The audience of the tests' identities. The address has a port that nobody knows beforehand.
const AUDIENCE: &str = "https://sci.example";

type TestFront = Front<MemoryBlobs, Sqlite, TestClock, TestKeys, Gate<TestIssuer>>;
/// What a test does with a request before the service sees it.
type Meddler = Box<dyn FnMut(&Heard, &dyn Fn(&Heard) -> Said) -> Said + Send>;

/// A store at an address.
pub(crate) struct Storage {
    pub(crate) clock: TestClock,
    pub(crate) issuer: TestIssuer,
    heard: Arc<Mutex<Vec<Heard>>>,
    meddler: Arc<Mutex<Option<Meddler>>>,
    /// The way to it.
    pub(crate) distance: Arc<Distance>,
    under_way: Arc<(AtomicU64, AtomicU64)>,
    pub(crate) server: Server,
}

impl Default for Storage {
    fn default() -> Self {
        let (clock, issuer) = (TestClock::at(20_000 * DAY), TestIssuer::default());
        let settings = ServiceSettings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let index = Sqlite::memory().unwrap();
        let service = Service::open(MemoryBlobs::default(), index, clock.clone(), TestKeys::default(), settings);
        let service = block_on(service).unwrap();
        let mut registration = Registration::new("1001".parse().unwrap(), "77", "refs/heads/main");
        registration.public_read = true;
        block_on(service.register(&registration)).unwrap();
        let gate = Gate::new(AUDIENCE, vec![Issuer::github()], issuer.clone());
        let front: TestFront = Front::new(service, gate, Limits::default(), "0.0.0");
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let meddler: Arc<Mutex<Option<Meddler>>> = Arc::default();
        let distance: Arc<Distance> = Arc::default();
        let under_way: Arc<(AtomicU64, AtomicU64)> = Arc::default();
        let under_way_of = Arc::clone(&under_way);
        let (heard_of, meddler_of, distance_of) = (Arc::clone(&heard), Arc::clone(&meddler), Arc::clone(&distance));
        let server = Server::start(Arc::new(move |request| {
            heard_of.lock().unwrap().push(request.clone());
            let now = under_way_of.0.fetch_add(1, Ordering::SeqCst) + 1;
            under_way_of.1.fetch_max(now, Ordering::SeqCst);
            let honest = |request: &Heard| over(&front, request);
            distance_of.go(|| {
                under_way_of.0.fetch_sub(1, Ordering::SeqCst);
                match meddler_of.lock().unwrap().as_mut() {
                    Some(meddle) => meddle(request, &honest),
                    None => honest(request),
                }
            })
        }));
        Self { clock, issuer, heard, meddler, distance, under_way, server }
    }
}

impl Storage {
    /// Meddles with every request from now on.
    pub(crate) fn meddle(&self, meddler: impl FnMut(&Heard, &dyn Fn(&Heard) -> Said) -> Said + Send + 'static) {
        *self.meddler.lock().unwrap() = Some(Box::new(meddler));
    }

    /// Answers the first requests to paths that begin so with this, and everything else honestly.
    pub(crate) fn answer(&self, path: &'static str, times: usize, said: Said) {
        let mut left = times;
        self.meddle(move |heard, honest| match heard.path().starts_with(path) && left > 0 {
            true => {
                left -= 1;
                said.clone()
            }
            false => honest(heard),
        });
    }

    /// How many requests there were at the same time, at most, since this was asked last.
    pub(crate) fn at_once(&self) -> u64 {
        self.under_way.1.swap(0, Ordering::SeqCst)
    }

    /// The requests so far, forgotten then.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// How many requests there were to paths that begin so.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| heard.path().starts_with(path)).count()
    }

    /// A client that pushes to the main branch.
    pub(crate) fn main(&self) -> Remote {
        self.client(self.pusher())
    }

    /// The identity of [`Storage::main`].
    pub(crate) fn pusher(&self) -> Pusher {
        Pusher { issuer: self.issuer.clone(), clock: self.clock.clone(), given: Arc::default() }
    }

    pub(crate) fn client(&self, identity: impl Identity + 'static) -> Remote {
        connect(&self.server.url(), Settings::default(), identity)
    }

    /// Saves a state from beginning to end.
    pub(crate) fn save(&self, remote: &Remote, state: &State) -> Committed {
        let save = self.begin(remote, state);
        for (_, bytes) in state.objects() {
            save.put(sci_store_api::Object::of(bytes.to_vec())).unwrap();
        }
        save.commit(&state.commit()).unwrap()
    }

    pub(crate) fn begin(&self, remote: &Remote, state: &State) -> RemoteSave {
        let instance = state.instance.parse().unwrap();
        remote.begin(&PathName::new("target").unwrap(), &instance, state.ladder().key(), Vec::new()).unwrap()
    }
}

/// A client without much patience.
pub(crate) fn client(url: &str, identity: impl Identity + 'static) -> Remote {
    connect(url, impatient(), identity)
}

fn connect(url: &str, settings: Settings, identity: impl Identity + 'static) -> Remote {
    let wanted = Wanted { repository: Some("1001".parse().unwrap()), run: None };
    Remote::new(Address::new(url, false).unwrap(), settings, Box::new(identity), wanted).unwrap()
}

pub(crate) fn impatient() -> Settings {
    Settings {
        timeout: Duration::from_millis(700),
        first_byte: Duration::from_millis(400),
        stall: Duration::from_millis(400),
        ..Settings::default()
    }
}

/// A job that pushes to the main branch, and has a fresh identity whenever it is asked.
#[derive(Clone)]
pub(crate) struct Pusher {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: TestClock,
    pub(crate) given: Arc<AtomicU32>,
}

impl std::fmt::Debug for Pusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pusher")
    }
}

impl Identity for Pusher {
    fn fresh(&self, _: &str) -> Result<Option<Secret>, IdentityError> {
        self.given.fetch_add(1, Ordering::SeqCst);
        let claims = self.issuer.push(AUDIENCE, self.clock.now().0 / 1_000);
        Ok(Some(Secret::new(self.issuer.token(&claims))))
    }

    fn kind(&self) -> &'static str {
        "the test's"
    }
}
