//! The backend: the real service and its front, over storage whose calls are steps, and what its index must always say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pollster::block_on;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::http::{Heard, Said, over};
use sci_conformance::issuer::TestIssuer;
use sci_native::{MemoryBlobs, Sqlite};
use sci_service::http::{Front, Limits};
use sci_service::identity::{Gate, Issuer};
use sci_service::{BlobKey, Blobs as _, Service, Settings, Sql as _, Statement};
use sci_store_api::admin::DAY;
use sci_store_api::dsse::PublicKey;
use sci_store_api::{ObjectId, Registration, SnapshotId, StoreId};

use crate::scheduler::Scheduler;
use crate::storage::Stepped;

/// The audience of the identities.
pub(crate) const AUDIENCE: &str = "https://sci.example";
/// How often the index is looked through: at each so many requests.
const LOOKS: u64 = 3;

pub(crate) type SimulatedFront = Front<Stepped<MemoryBlobs>, Stepped<Sqlite>, TestClock, TestKeys, Gate<TestIssuer>>;

pub(crate) struct Backend {
    pub(crate) front: SimulatedFront,
    handled: AtomicU64,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend")
    }
}

/// The one repository.
pub(crate) fn registration() -> Registration {
    Registration::new("1001".parse().unwrap(), "77", "refs/heads/main")
}

const OBJECTS: &str = "SELECT records.number AS record, objects.repository, objects.object, objects.number, objects.size, state \
     FROM records JOIN record_objects ON record = records.number LEFT JOIN objects ON objects.number = record_objects.object \
     WHERE forgotten IS NULL";
const UNLISTED: &str = "SELECT number FROM records WHERE forgotten IS NULL \
     AND objects <> (SELECT count(*) FROM record_objects WHERE record = number)";

const SNAPSHOTS: &str = "SELECT snapshot FROM records WHERE forgotten IS NULL ORDER BY number";
const STORED: &str = "SELECT object FROM objects WHERE state = 1 ORDER BY number";

impl Backend {
    pub(crate) fn new(scheduler: &Arc<Scheduler>, clock: &TestClock, issuer: &TestIssuer) -> Self {
        let settings = Settings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let blobs = Stepped { inner: MemoryBlobs::default(), scheduler: Arc::clone(scheduler) };
        let sql = Stepped { inner: Sqlite::memory().unwrap(), scheduler: Arc::clone(scheduler) };
        let service = block_on(Service::open(blobs, sql, clock.clone(), TestKeys::default(), settings)).unwrap();
        block_on(service.register(&registration())).unwrap();
        let gate = Gate::new(AUDIENCE, vec![Issuer::github()], issuer.clone());
        Self { front: Front::new(service, gate, Limits::default(), "0.0.0"), handled: AtomicU64::new(0) }
    }

    pub(crate) fn handle(&self, heard: &Heard) -> Said {
        let said = over(&self.front, heard);
        if self.handled.fetch_add(1, Ordering::SeqCst).is_multiple_of(LOOKS) {
            self.check();
        }
        said
    }

    /// Every snapshot that is not forgotten, oldest first.
    pub(crate) fn snapshots(&self) -> Vec<SnapshotId> {
        self.ids(SNAPSHOTS).into_iter().map(SnapshotId::from_bytes).collect()
    }

    /// Every object that is stored, oldest first.
    pub(crate) fn objects(&self) -> Vec<ObjectId> {
        self.ids(STORED).into_iter().map(ObjectId::from_bytes).collect()
    }

    fn ids(&self, sql: &'static str) -> Vec<[u8; 32]> {
        let rows = block_on(self.front.service().index().inner.query(Statement::new(sql, []))).unwrap();
        rows.iter().map(|row| row.id(0).unwrap()).collect()
    }

    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        block_on(sci_service::Keys::public_keys(self.front.service().keys())).unwrap()
    }

    /// Whatever is under way: every object that a record cites exists, with every byte.
    pub(crate) fn check(&self) {
        let service = self.front.service();
        let (index, blobs) = (&service.index().inner, &service.blobs().inner);
        assert!(block_on(index.query(Statement::new(UNLISTED, []))).unwrap().0.is_empty(), "a record lost an object");
        for row in &block_on(index.query(Statement::new(OBJECTS, []))).unwrap() {
            assert!(!row.is_null(3), "record {} cites an object that is not in the index", row.integer(0).unwrap());
            let object = ObjectId::from_bytes(row.id(2).unwrap());
            assert_eq!(row.integer(5).unwrap(), 1, "a record cites object {object}, which is not stored or doomed");
            let key = BlobKey { repository: row.parse(1).unwrap(), object, number: row.integer(3).unwrap() };
            let size = block_on(blobs.size(&key)).unwrap();
            assert_eq!(size, Some(row.unsigned(4).unwrap()), "a record cites object {object}, which is not there");
        }
    }
}
