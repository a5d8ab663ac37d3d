//! How many at once: a request waits for its turn, a bounded while in a bounded line.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::Limits;

/// The right to be carried out, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// What a place is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The backend's work on a request.
    Request,
    /// An object that arrives.
    Upload,
    /// An object that is sent.
    Download,
}

#[derive(Debug)]
pub(super) struct Places {
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    /// KiB of JSON bodies.
    bodies: Arc<Semaphore>,
    line: Semaphore,
    patience: Duration,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(limits.requests)),
            uploads: Arc::new(Semaphore::new(limits.uploads)),
            downloads: Arc::new(Semaphore::new(limits.downloads)),
            bodies: Arc::new(Semaphore::new(limits.bodies)),
            line: Semaphore::new(limits.waiting),
            patience: limits.patience,
        }
    }

    /// Waits for a place; `None` when there are too many, or it takes too long.
    pub(super) async fn take(&self, kind: Kind) -> Option<Place> {
        match kind {
            Kind::Request => self.wait(&self.requests, 1).await,
            Kind::Upload => self.wait(&self.uploads, 1).await,
            Kind::Download => self.wait(&self.downloads, 1).await,
        }
    }

    /// Waits for memory for so many bytes of a JSON body.
    pub(super) async fn memory(&self, bytes: usize) -> Option<Place> {
        self.wait(&self.bodies, u32::try_from(bytes.div_ceil(1_024)).ok()?).await
    }

    async fn wait(&self, places: &Arc<Semaphore>, count: u32) -> Option<Place> {
        if let Ok(place) = Arc::clone(places).try_acquire_many_owned(count) {
            return Some(place);
        }
        let _standing = self.line.try_acquire().ok()?;
        timeout(self.patience, Arc::clone(places).acquire_many_owned(count)).await.ok()?.ok()
    }
}
