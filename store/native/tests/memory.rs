//! The conformance suite over the backends in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sci_conformance::Harness;
use sci_native::{MemoryBlobs, Sqlite};

#[derive(Default)]
struct Memory;

impl Harness for Memory {
    type Blobs = MemoryBlobs;
    type Sql = Sqlite;

    fn open(&self) -> (MemoryBlobs, Sqlite) {
        (MemoryBlobs::default(), Sqlite::memory().unwrap())
    }
}

sci_conformance::suite!(Memory);
