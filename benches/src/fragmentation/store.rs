//! A store in memory that counts what it is asked for, and drops what no snapshot that matters cites.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_store_api::{Object, ObjectId, ObjectSink, ObjectSource, TransferError};

/// Objects by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: Mutex<HashMap<ObjectId, Vec<u8>>>,
    requests: AtomicU64,
    read: AtomicU64,
}

impl Store {
    /// Reads so far, and the bytes that they asked for.
    pub(crate) fn read_so_far(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }

    /// Drops all objects but `cited`.
    pub(crate) fn keep_only(&self, cited: impl Iterator<Item = ObjectId>) {
        let cited: HashSet<ObjectId> = cited.collect();
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).retain(|object, _| cited.contains(object));
    }
}

impl ObjectSource for Store {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(range.end.saturating_sub(range.start), Ordering::Relaxed);
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = objects.get(object).ok_or(TransferError::Missing { object: *object })?;
        let found = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let found = found.and_then(|(start, end)| bytes.get(start..end)).map(<[u8]>::to_vec);
        found.ok_or_else(|| TransferError::Failed { object: *object, reason: "the range is outside of it".into() })
    }
}

impl ObjectSink for Store {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(object.id(), object.into_bytes());
        Ok(())
    }
}
