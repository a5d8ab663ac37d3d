//! Over a real server: one test, since each would start a server of its own.

use sci_conformance::moto::Moto;
use sci_native::{Elsewhere, Error};
use sci_service::{Blob, BlobError};

use super::setting::{at, in_parts, object, objects, read};

const MIB: usize = 1 << 20;

#[test]
fn a_real_server() {
    let moto = Moto::start(env!("CARGO_TARGET_TMPDIR"));
    every_size_comes_back(&moto);
    what_is_no_object_leaves_nothing(&moto);
    damage_is_seen_and_healed(&moto);
    missing_is_missing(&moto);
    one_place_is_one_stores(&moto);
    foreign_objects_are_left_alone(&moto);
    no_bucket_is_said(&moto);
}

fn fresh(moto: &Moto) -> (String, Box<dyn Elsewhere>) {
    let name = moto.bucket();
    let bucket = at(&moto.url(), &format!("s3://{name}/of/one"));
    (name, objects(&bucket, "one"))
}

fn at_key(bucket: &str, blob: &Blob) -> String {
    format!("/{bucket}/of/one/{}", blob.key)
}

/// The keys of a bucket, and the uploads in parts that it has begun.
fn listed(moto: &Moto, bucket: &str) -> (usize, usize) {
    let (_, keys) = moto.send("GET", &format!("/{bucket}?list-type=2"), b"");
    let (_, uploads) = moto.send("GET", &format!("/{bucket}?uploads"), b"");
    (keys.matches("<Key>").count(), uploads.matches("<UploadId>").count())
}

/// Nothing, a little, exactly one part, a byte more, and several parts: whole and in ranges.
fn every_size_comes_back(moto: &Moto) {
    let (_, objects) = fresh(moto);
    for size in [0, 1, 70_001, 8 * MIB, 8 * MIB + 1, 21 * MIB] {
        let (blob, body) = object(size);
        // The second time it is there already.
        for _ in 0..2 {
            objects.put(&blob, in_parts(&body)).unwrap();
            assert_eq!(objects.size(&blob.key).unwrap(), Some(size as u64));
            assert!(objects.is_whole(&blob).unwrap(), "{size}");
        }
        assert_eq!(read(&*objects, &blob, 0..size as u64), body, "{size}");
        let (start, end) = (size / 3, size - size / 5);
        assert_eq!(read(&*objects, &blob, start as u64..end as u64), body[start..end], "{size}");
        assert_eq!(read(&*objects, &blob, size as u64..size as u64).len(), 0);
        for beyond in [size as u64..size as u64 + 1, 0..size as u64 + 1] {
            assert!(matches!(objects.get(&blob.key, beyond), Err(BlobError::Missing)), "{size}");
        }
        objects.delete(&blob.key).unwrap();
        assert_eq!(objects.size(&blob.key).unwrap(), None);
    }
}

/// A body that ends early, late, or is another one: small or in parts, nothing of it is to be seen, and no part stays.
fn what_is_no_object_leaves_nothing(moto: &Moto) {
    let (bucket, objects) = fresh(moto);
    objects.check().unwrap();
    for size in [100_000, 20 * MIB] {
        let (blob, body) = object(size);
        let mut other = body.to_vec();
        other[size - 1] ^= 1;
        let long = [&body[..], b"x"].concat();
        for wrong in [&body[..size - 1], &body[..0], &other, &long] {
            let put = objects.put(&blob, in_parts(&wrong.to_vec().into()));
            assert!(matches!(put, Err(BlobError::WrongContent { .. })), "{} bytes: {put:?}", wrong.len());
            // What says whose the bucket is, and nothing else.
            assert_eq!(listed(moto, &bucket), (1, 0), "{} bytes", wrong.len());
        }
    }
}

/// Bytes that somebody changed in the bucket, or cut, are not whole; the next put of the object makes it so.
fn damage_is_seen_and_healed(moto: &Moto) {
    let (bucket, objects) = fresh(moto);
    for size in [50_000, 9 * MIB] {
        let (blob, body) = object(size);
        objects.put(&blob, in_parts(&body)).unwrap();
        let mut wrong = body.to_vec();
        wrong[10] ^= 1;
        for damage in [&wrong[..], &body[..size - 1], b""] {
            assert_eq!(moto.send("PUT", &at_key(&bucket, &blob), damage).0, 200);
            assert!(!objects.is_whole(&blob).unwrap(), "{} bytes", damage.len());
            objects.put(&blob, in_parts(&body)).unwrap();
            assert!(objects.is_whole(&blob).unwrap(), "{} bytes", damage.len());
        }
    }
}

fn missing_is_missing(moto: &Moto) {
    let (_, objects) = fresh(moto);
    let (there, body) = object(1_000);
    let (missing, _) = object(2_000);
    objects.put(&there, in_parts(&body)).unwrap();
    assert!(matches!(objects.get(&missing.key, 0..1), Err(BlobError::Missing)));
    assert!(!objects.is_whole(&missing).unwrap());
    objects.delete(&missing.key).unwrap();
    let other_size = Blob { size: 999, ..there.clone() };
    let mut many = vec![there; 40];
    assert_eq!(objects.first_missing(&many).unwrap(), None);
    many.extend([missing, other_size]);
    assert_eq!(objects.first_missing(&many).unwrap(), Some(40));
    many.swap_remove(40);
    assert_eq!(objects.first_missing(&many).unwrap(), Some(40));
}

/// Another store is refused the place before it touches anything; the same one is at home again.
fn one_place_is_one_stores(moto: &Moto) {
    let (name, mine) = fresh(moto);
    let (blob, body) = object(1_000);
    mine.put(&blob, in_parts(&body)).unwrap();
    let bucket = at(&moto.url(), &format!("s3://{name}/of/one"));
    let other = objects(&bucket, "two");
    let Err(Error::Bucket { problem, hint }) = other.check() else { panic!("taken") };
    assert!(problem.contains("it is the place of the store one"), "{problem}");
    assert!(hint.contains("a prefix of its own"), "{hint}");
    for refused in [other.delete(&blob.key), other.put(&blob, in_parts(&body))] {
        assert!(matches!(refused, Err(BlobError::Unreachable { .. })), "{refused:?}");
    }
    assert!(objects(&bucket, "one").is_whole(&blob).unwrap());
    objects(&at(&moto.url(), &format!("s3://{name}/of/two")), "two").check().unwrap();
}

fn foreign_objects_are_left_alone(moto: &Moto) {
    let (name, objects) = fresh(moto);
    assert_eq!(moto.send("PUT", &format!("/{name}/of/one/objects/x"), b"precious").0, 200);
    let Err(Error::Bucket { problem, .. }) = objects.check() else { panic!("taken") };
    assert!(problem.ends_with("objects lie there, and nothing says whose they are"), "{problem}");
    assert_eq!(listed(moto, &name), (1, 0));
}

fn no_bucket_is_said(moto: &Moto) {
    let nowhere = objects(&at(&moto.url(), "s3://nobody-made-it"), "one");
    let Err(Error::Bucket { problem, hint }) = nowhere.check() else { panic!("there") };
    assert!(problem.contains("there is no such bucket"), "{problem}");
    assert!(hint.starts_with("make the bucket first"), "{hint}");
    // A bucket that is gone says nothing of its objects: nothing may be dropped because of it.
    let (name, mine) = fresh(moto);
    let (blob, _) = object(10);
    mine.check().unwrap();
    assert_eq!(moto.send("DELETE", &format!("/{name}/of/one/sci-store.json"), b"").0, 204);
    assert_eq!(moto.send("DELETE", &format!("/{name}"), b"").0, 204);
    assert!(matches!(mine.is_whole(&blob), Err(BlobError::Unreachable { .. })));
}
