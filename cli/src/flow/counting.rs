//! Counts what a restore reads of the store, for `--verbose`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sci_store_api::{ObjectId, ObjectSource, TransferError};

use crate::output::format::{bytes, counted};

/// A source of objects, and what was read of it.
pub struct Counting<'a> {
    source: &'a dyn ObjectSource,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    reads: u64,
    bytes: u64,
    objects: BTreeSet<ObjectId>,
}

impl<'a> Counting<'a> {
    /// Nothing was read yet.
    pub fn new(source: &'a dyn ObjectSource) -> Self {
        Self { source, read: Mutex::default() }
    }

    /// What was read, as people say it.
    pub fn sentence(&self) -> String {
        let read = self.so_far();
        if read.reads == 0 {
            return "nothing".to_owned();
        }
        let (size, reads) = (bytes(read.bytes), counted(read.reads, "read"));
        format!("{size} in {reads} of {}", counted(read.objects.len() as u64, "object"))
    }

    fn so_far(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectSource for Counting<'_> {
    fn reads_at_once(&self) -> usize {
        self.source.reads_at_once()
    }

    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let bytes = self.source.read(object, range)?;
        let mut read = self.so_far();
        read.reads += 1;
        read.bytes += bytes.len() as u64;
        read.objects.insert(*object);
        Ok(bytes)
    }
}
