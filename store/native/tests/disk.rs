//! The conformance suite over objects on disk and SQLite in a file, and what a host needs beside it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use pollster::block_on;
use sci_conformance::Harness;
use sci_native::{Disk, ServerLock, Sqlite, Upload};
use sci_service::{Blob, BlobError, BlobKey, Blobs as _};
use sci_store_api::{ObjectId, Pieces};
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

/// A store with one object announced, and its body.
fn announced(dir: &TempDir) -> (Disk, Blob, Bytes) {
    let body = Bytes::from(b"0123456789".repeat(100_000));
    let key = BlobKey { repository: "demo".parse().unwrap(), object: ObjectId::of(&body), number: 1 };
    (Disk::open(dir.path()).unwrap(), Blob { key, size: body.len() as u64 }, body)
}

fn in_parts(body: &Bytes) -> Upload {
    let parts: Vec<Bytes> = body.chunks(70_000).map(Bytes::copy_from_slice).collect();
    Upload::Parts(Box::new(parts.into_iter()))
}

#[test]
fn a_body_in_parts_is_the_same_as_one_in_one_piece() {
    let dir = TempDir::new().unwrap();
    let (disk, blob, body) = announced(&dir);
    block_on(disk.put(&blob, in_parts(&body))).unwrap();
    let mut found = block_on(disk.get(&blob.key, 10..999_990)).unwrap();
    let mut read = Vec::new();
    loop {
        let part = found.next_part(65_536).unwrap();
        if part.is_empty() {
            break;
        }
        assert!(part.len() <= 65_536);
        read.extend_from_slice(&part);
    }
    assert_eq!(read, body[10..999_990]);
}

#[test]
fn a_body_that_ends_early_or_late_is_refused_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let (disk, blob, body) = announced(&dir);
    let long = Bytes::from([&body[..], b"x"].concat());
    for wrong in [body.slice(..999_999), body.slice(..0), long] {
        let put = block_on(disk.put(&blob, in_parts(&wrong)));
        assert!(matches!(put, Err(BlobError::WrongContent { .. })), "{} bytes: {put:?}", wrong.len());
        assert!(matches!(block_on(disk.get(&blob.key, 0..1)), Err(BlobError::Missing)));
        assert_eq!(std::fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0);
    }
}

#[test]
fn an_object_that_was_hashed_before_is_stored_as_itself_and_as_no_other() {
    let dir = TempDir::new().unwrap();
    let (disk, blob, body) = announced(&dir);
    let sealed = |parts: &[&[u8]]| {
        let mut pieces = Pieces::default();
        parts.iter().for_each(|part| pieces.push(part.to_vec()));
        Upload::from(pieces.seal())
    };
    let put = block_on(disk.put(&blob, sealed(&[b"another"])));
    assert!(matches!(put, Err(BlobError::WrongContent { .. })), "{put:?}");
    let longer = Blob { size: blob.size + 1, ..blob.clone() };
    let put = block_on(disk.put(&longer, sealed(&[&body])));
    assert!(matches!(put, Err(BlobError::WrongContent { .. })), "{put:?}");
    assert!(!block_on(disk.is_whole(&blob)).unwrap());
    block_on(disk.put(&blob, sealed(&[&body[..7], &body[7..70_000], &body[70_000..]]))).unwrap();
    assert!(block_on(disk.is_whole(&blob)).unwrap());
}

#[test]
fn one_server_at_a_time() {
    let dir = TempDir::new().unwrap();
    drop(sci_native::open::service(dir.path()).unwrap());
    let lock = ServerLock::take(dir.path()).unwrap();
    assert!(matches!(ServerLock::take(dir.path()), Err(sci_native::Error::Served { .. })));
    // A caller beside the server opens it as before.
    drop(sci_native::open::service(dir.path()).unwrap());
    drop(lock);
    ServerLock::take(dir.path()).unwrap();
}
