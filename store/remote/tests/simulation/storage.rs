//! The backend's disk and index, of which each call is a step of the simulation and may fail when it is told to.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use sci_native::{Download, MemoryBlobs, Sqlite, Upload};
use sci_service::{Blob, BlobError, BlobKey, Blobs, Rows, Sql, SqlError, Statement};

use crate::scheduler::Scheduler;

/// A failure of the request that this thread carries out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    /// Calls that succeed before.
    pub(crate) after: u32,
    /// Whether the call that fails did its work nevertheless.
    pub(crate) done: bool,
}

thread_local! {
    static TROUBLE: Cell<Option<Trouble>> = const { Cell::new(None) };
}

/// Carries something out, during which a call fails.
pub(crate) fn troubled<T>(trouble: Option<Trouble>, work: impl FnOnce() -> T) -> T {
    TROUBLE.set(trouble);
    let done = work();
    TROUBLE.set(None);
    done
}

/// Whether the call fails, and if so whether it does its work.
fn due() -> Option<bool> {
    let trouble = TROUBLE.get()?;
    TROUBLE.set(trouble.after.checked_sub(1).map(|after| Trouble { after, ..trouble }));
    (trouble.after == 0).then_some(trouble.done)
}

pub(crate) struct Stepped<T> {
    pub(crate) inner: T,
    pub(crate) scheduler: Arc<Scheduler>,
}

/// What a call says that was told to fail.
const WANTED: &str = "the simulation wants it so";

impl<T> Stepped<T> {
    /// Makes a call, which may fail when it is told to.
    async fn call<R, E>(&self, call: impl Future<Output = Result<R, E>>, failure: fn(String) -> E) -> Result<R, E> {
        self.scheduler.step(0);
        match due() {
            Some(false) => Err(failure(WANTED.to_owned())),
            Some(true) => call.await.and_then(|_| Err(failure(WANTED.to_owned()))),
            None => call.await,
        }
    }
}

impl Sql for Stepped<Sqlite> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.call(self.inner.batch(statements), SqlError::Failed).await
    }

    async fn quick(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.call(self.inner.quick(statements), SqlError::Failed).await
    }
}

impl Blobs for Stepped<MemoryBlobs> {
    type Upload = Upload;
    type Download = Download;

    async fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        self.call(self.inner.put(blob, body), BlobError::Failed).await
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        self.scheduler.step(0);
        self.inner.get(key, range).await
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        self.scheduler.step(0);
        self.inner.size(key).await
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        self.scheduler.step(0);
        self.inner.is_whole(blob).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.call(self.inner.delete(key), BlobError::Failed).await
    }

    async fn flush(&self) -> Result<(), BlobError> {
        self.call(self.inner.flush(), BlobError::Failed).await
    }
}
