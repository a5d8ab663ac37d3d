//! What the tests share: stores over a bucket, and objects to put there.

use std::time::Duration;

use bytes::Bytes;
use sci_native::{Bucket, Connect as _, Elsewhere, Upload, Way};
use sci_s3::{Patience, S3Connect};
use sci_service::{Blob, BlobKey};
use sci_store_api::{ObjectId, StoreId};

/// Credentials that no test may ever see again.
pub(crate) const KEY: &str = "AKIDOFTHETESTS";
pub(crate) const SECRET: &str = "sesame-open-the-bucket";
pub(crate) const SESSION: &str = "token-of-the-session";

/// Gives up soon.
const HASTE: Patience = Patience {
    connect: Duration::from_secs(5),
    idle: Duration::from_millis(300),
    retries: 2,
    retrying: Duration::from_secs(5),
    pause: Duration::from_millis(1),
    memory: Duration::from_secs(5),
};

pub(crate) fn store(name: &str) -> StoreId {
    StoreId::new(name).unwrap()
}

fn credentials(name: &str) -> Option<&'static str> {
    match name {
        "AWS_ACCESS_KEY_ID" => Some(KEY),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET),
        "AWS_SESSION_TOKEN" => Some(SESSION),
        _ => None,
    }
}

pub(crate) fn at(endpoint: &str, url: &str) -> Bucket {
    Bucket::new(url, Way { endpoint: Some(endpoint.to_owned()), path_style: true, ..Way::default() }).unwrap()
}

/// A store's objects, as the program reaches them.
pub(crate) fn objects(bucket: &Bucket, id: &str) -> Box<dyn Elsewhere> {
    S3Connect::new(credentials).connect(bucket, &store(id)).unwrap()
}

/// The same, without much patience.
pub(crate) fn hasty(bucket: &Bucket) -> Box<dyn Elsewhere> {
    S3Connect::new(credentials).with_patience(HASTE).connect(bucket, &store("one")).unwrap()
}

/// An object of so many bytes, no two of which are alike near each other.
pub(crate) fn object(size: usize) -> (Blob, Bytes) {
    let body: Bytes = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let key = BlobKey { repository: "demo".parse().unwrap(), object: ObjectId::of(&body), number: 7 };
    (Blob { key, size: size as u64 }, body)
}

/// The body as it comes over a network.
pub(crate) fn in_parts(body: &Bytes) -> Upload {
    let parts: Vec<Bytes> = body.chunks(70_000).map(Bytes::copy_from_slice).collect();
    Upload::Parts(Box::new(parts.into_iter()))
}

/// All of a range.
pub(crate) fn read(objects: &dyn Elsewhere, blob: &Blob, range: std::ops::Range<u64>) -> Bytes {
    objects.get(&blob.key, range).unwrap().try_into().unwrap()
}
