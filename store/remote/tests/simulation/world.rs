//! What the actors of one run share: the backend, the network, and what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sci_conformance::fakes::TestClock;
use sci_conformance::issuer::TestIssuer;
use sci_hasher::Digest;
use sci_store_api::{ObjectId, SnapshotId};

use crate::actors::{COURIERS, Role};
use crate::backend::Backend;
use crate::network::Network;
use crate::scheduler::Scheduler;
use crate::trees::Tree;

pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) issuer: TestIssuer,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) backend: Arc<Backend>,
    pub(crate) network: Arc<Network>,
    pub(crate) directory: PathBuf,
    model: Mutex<Model>,
}

/// What must be so.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// What the trees are that somebody tried to save, by their digests.
    pub(crate) trees: BTreeMap<Digest, Tree>,
    /// Who cited an object, or tried to.
    pub(crate) objects: BTreeMap<ObjectId, BTreeSet<String>>,
    /// Snapshots that somebody was told of, with their trees where they are known, and who may read them.
    pub(crate) acknowledged: BTreeMap<SnapshotId, (Option<Digest>, Role)>,
    /// Snapshots that may have gone, because somebody wanted it so.
    pub(crate) given_up: BTreeSet<SnapshotId>,
    /// Snapshots that must not be served any more.
    pub(crate) refused: BTreeSet<SnapshotId>,
    /// Runs, as the backend names them.
    pub(crate) runs: BTreeMap<String, (Role, u64)>,
    pub(crate) saves: u64,
    pub(crate) restores: u64,
    pub(crate) unknown: u64,
    pub(crate) collected: u64,
}

impl World {
    pub(crate) fn new(actors: usize, directory: PathBuf, random: &mut fastrand::Rng) -> Self {
        let (clock, issuer) = (TestClock::at(20_000 * sci_store_api::admin::DAY), TestIssuer::default());
        let scheduler = Arc::new(Scheduler::new(actors, clock.clone(), random.u64(..)));
        let backend = Arc::new(Backend::new(&scheduler, &clock, &issuer));
        let couriers = actors.saturating_sub(COURIERS)..actors;
        let network = Arc::new(Network::new(Arc::clone(&backend), Arc::clone(&scheduler), couriers, random.fork()));
        Self { clock, issuer, scheduler, backend, network, directory, model: Mutex::default() }
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
