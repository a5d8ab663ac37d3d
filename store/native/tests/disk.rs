//! The conformance suite over objects on disk and SQLite in a file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sci_conformance::Harness;
use sci_native::{Disk, Sqlite};
use tempfile::TempDir;

struct OnDisk(TempDir);

impl Default for OnDisk {
    fn default() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Harness for OnDisk {
    type Blobs = Disk;
    type Sql = Sqlite;

    fn open(&self) -> (Disk, Sqlite) {
        (Disk::open(self.0.path()).unwrap(), Sqlite::open(&self.0.path().join("index.sqlite")).unwrap())
    }
}

sci_conformance::suite!(OnDisk);
