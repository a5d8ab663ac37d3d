//! A store under test, and what a case does with it.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pollster::block_on;
use sci_service::{Blobs, Caller, Error, Hold, Service, Settings, Sql, Statement, Value};
use sci_store_api::admin::{DAY, GcPolicy, GcReport};
use sci_store_api::resolve::{PathQuery, ResolveRequest, Resolved};
use sci_store_api::saves::{BeginSave, BegunSave, Committed};
use sci_store_api::{ErrorCode, Instance, Nonce, ObjectId, Record, SnapshotId, StoreId};

use crate::door::{Door, TestFront, Wire};
pub use crate::fakes::{Fault, Flaky, Hooked, TestClock, TestKeys};
pub use crate::state::{State, caller, main, path};

/// A backend under test.
pub trait Harness: Default + Send + Sync + 'static {
    /// Its store of objects.
    type Blobs: Blobs<Upload: From<Bytes>, Download: TryInto<Bytes, Error: Debug> + Debug> + Send + Sync;
    /// Its index.
    type Sql: Sql + Send + Sync;

    /// How many random interleavings are tried: fewer where each step takes long.
    const PLAYS: u32 = 48;

    /// An empty backend.
    fn open(&self) -> (Self::Blobs, Self::Sql);

    /// What carries requests to the front; a call in this process when there is nothing else.
    fn wire(&self, _front: Arc<TestFront<Self>>) -> Option<Box<dyn Wire>> {
        None
    }
}

/// A store under test.
pub struct World<H: Harness> {
    /// The service.
    pub service: Door<H>,
    /// Its clock.
    pub clock: TestClock,
    /// Its keys.
    pub keys: TestKeys,
    nonces: AtomicU64,
    _harness: H,
}

impl<H: Harness> Default for World<H> {
    fn default() -> Self {
        let harness = H::default();
        let (blobs, sql) = harness.open();
        let blobs = Hooked::new(blobs);
        let clock = TestClock::at(1_000 * DAY);
        let keys = TestKeys::default();
        let settings = Settings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let service = block_on(Service::open(blobs, Flaky::new(sql), clock.clone(), keys.clone(), settings)).unwrap();
        let service = Door::new(service, &harness);
        Self { service, clock, keys, nonces: AtomicU64::new(0), _harness: harness }
    }
}

impl<H: Harness> World<H> {
    /// A nonce that was not used before.
    pub fn nonce(&self) -> Nonce {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.nonces.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        Nonce::from_bytes(bytes)
    }

    /// Begins a save.
    pub fn begin(&self, caller: &Caller, state: &State, bases: &[SnapshotId]) -> Result<BegunSave, Error> {
        let request = BeginSave {
            nonce: self.nonce(),
            path: path(),
            instance: Instance::new(state.instance).unwrap(),
            key: state.ladder().key(),
            bases: bases.to_vec(),
        };
        block_on(self.service.begin_save(caller, &request))
    }

    /// Puts one object.
    pub fn put(&self, caller: &Caller, hold: Hold, bytes: &Bytes) -> Result<(), Error> {
        let id = ObjectId::of(bytes);
        block_on(self.service.put_object(caller, hold, id, bytes.len() as u64, bytes.clone()))
    }

    /// Puts every object of a state.
    pub fn put_all(&self, caller: &Caller, save: &BegunSave, state: &State) -> Result<(), Error> {
        state.objects().iter().try_for_each(|(_, bytes)| self.put(caller, Hold::Save(save.save), bytes))
    }

    /// Commits a save.
    pub fn commit(&self, caller: &Caller, save: &BegunSave, state: &State) -> Result<Committed, Error> {
        block_on(self.service.commit_save(caller, save.save, &state.commit()))
    }

    /// Saves a state from beginning to end, a millisecond later than what was before.
    pub fn save(&self, caller: &Caller, state: &State, bases: &[SnapshotId]) -> Result<Committed, Error> {
        self.clock.advance(1);
        let save = self.begin(caller, state, bases)?;
        self.put_all(caller, &save, state)?;
        self.commit(caller, &save, state)
    }

    /// Saves a state that must be new, and gives its snapshot.
    pub fn saved(&self, caller: &Caller, state: &State) -> SnapshotId {
        match self.save(caller, state, &[]).unwrap() {
            Committed::Saved { snapshot } => snapshot,
            other => panic!("expected a new snapshot, got {other:?}"),
        }
    }

    /// Resolves one question.
    pub fn ask(&self, caller: &Caller, query: PathQuery, ancestors: &[&str]) -> Resolved {
        let ancestors = ancestors.iter().map(|commit| (*commit).to_owned()).collect();
        let request = ResolveRequest { paths: vec![query], ancestors };
        block_on(self.service.resolve(caller, &request)).unwrap().paths.remove(0)
    }

    /// Resolves a state.
    pub fn resolve(&self, caller: &Caller, state: &State) -> Resolved {
        self.ask(caller, state.query(), &[])
    }

    /// The signed record of a snapshot.
    pub fn record(&self, caller: &Caller, id: &SnapshotId) -> Record {
        let detail = block_on(self.service.snapshot(caller, id)).unwrap();
        Record::decode(&detail.envelope.payload).unwrap()
    }

    /// Reads a whole object.
    pub fn read(&self, caller: &Caller, id: &ObjectId) -> Result<Bytes, Error> {
        let size = block_on(self.service.authorise(caller, id))?.size;
        self.read_range(caller, id, 0..size)
    }

    /// Reads a range of an object.
    pub fn read_range(&self, caller: &Caller, id: &ObjectId, range: Range<u64>) -> Result<Bytes, Error> {
        block_on(self.service.get_object(caller, id, range))
    }

    /// Collects with a grace.
    pub fn gc(&self, grace: u64) -> GcReport {
        block_on(self.service.gc(None, &GcPolicy { grace, ..GcPolicy::default() })).unwrap()
    }

    /// Deletes an object's blob behind the index's back.
    pub fn lose(&self, caller: &Caller, id: &ObjectId) {
        let blob = block_on(self.service.authorise(caller, id)).unwrap();
        block_on(self.service.blobs().delete(&blob.key)).unwrap();
    }

    /// Changes the index behind the service's back.
    pub fn tamper<const N: usize>(&self, sql: &'static str, params: [Value; N]) {
        block_on(self.service.index().batch(vec![Statement::new(sql, params)])).unwrap();
    }
}

/// The code of an error.
pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}
