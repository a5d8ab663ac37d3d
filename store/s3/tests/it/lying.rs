//! A bucket that lies, fails, or says nothing: an error that tells the truth, in bounded time, and nothing believed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sci_conformance::http::{Heard, Said, Server};
use sci_native::{Elsewhere, Error};
use sci_service::BlobError;

use super::setting::{at, hasty, in_parts, object};

type Change = Box<dyn Fn(&Heard, Said) -> Said + Send + Sync>;

/// A small bucket in memory, and what is changed of its answers.
struct Bucket {
    server: Server,
    kept: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
}

fn error(status: u16, code: &str) -> Said {
    Said { status, body: format!("<Error><Code>{code}</Code></Error>").into(), ..Said::default() }
}

fn answer(kept: &mut HashMap<String, Vec<u8>>, heard: &Heard) -> Said {
    let dated = || vec![("last-modified".to_owned(), "Wed, 01 Jan 2020 00:00:00 GMT".to_owned())];
    match (heard.method.as_str(), kept.get(heard.path())) {
        ("GET", _) if heard.target.contains("list-type") => Said {
            status: 200,
            body: b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_vec(),
            ..Said::default()
        },
        ("GET" | "HEAD", None) => error(404, "NoSuchKey"),
        ("HEAD", Some(body)) => {
            Said { status: 200, headers: dated(), length: Some(body.len() as u64), ..Said::default() }
        }
        ("GET", Some(body)) => {
            let mut headers = dated();
            headers.push(("etag".to_owned(), "\"1\"".to_owned()));
            let Some(range) = heard.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
                return Said { status: 200, headers, body: body.clone(), ..Said::default() };
            };
            let (first, last) = range.split_once('-').unwrap();
            let (first, last) = (first.parse().unwrap(), last.parse::<usize>().unwrap().min(body.len() - 1));
            headers.push(("content-range".to_owned(), format!("bytes {first}-{last}/{}", body.len())));
            Said { status: 206, headers, body: body[first..=last].to_vec(), ..Said::default() }
        }
        ("PUT", Some(_)) if heard.header("if-none-match").is_some() => error(412, "PreconditionFailed"),
        ("PUT", _) => {
            kept.insert(heard.path().to_owned(), heard.body.clone());
            Said { status: 200, headers: vec![("etag".to_owned(), "\"1\"".to_owned())], ..Said::default() }
        }
        _ => error(405, "MethodNotAllowed"),
    }
}

impl Bucket {
    fn new(change: Change) -> (Self, Box<dyn Elsewhere>) {
        let (kept, asked) = (Arc::<Mutex<HashMap<_, _>>>::default(), Arc::<AtomicUsize>::default());
        let (keeping, asking) = (Arc::clone(&kept), Arc::clone(&asked));
        let server = Server::start(Arc::new(move |heard: &Heard| {
            if heard.path().ends_with("/sci-store.json") || heard.target.contains("list-type") {
                return answer(&mut keeping.lock().unwrap(), heard);
            }
            asking.fetch_add(1, Ordering::SeqCst);
            let said = answer(&mut keeping.lock().unwrap(), heard);
            change(heard, said)
        }));
        let bucket = Self { server, kept, asked };
        let objects = hasty(&at(&bucket.server.url(), "s3://builds"));
        objects.check().unwrap();
        (bucket, objects)
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

fn read(objects: &dyn Elsewhere, size: usize) -> Result<Bytes, String> {
    let (blob, _) = object(size);
    let body = objects.get(&blob.key, 0..size as u64).map_err(|error| error.to_string())?;
    Bytes::try_from(body).map_err(|error| error.to_string())
}

#[test]
fn an_object_that_is_cut_off_is_an_error_and_not_an_end() {
    let (bucket, objects) = Bucket::new(Box::new(|heard, said| match heard.method.as_str() {
        "GET" => Said { cut: Some(1_000), ..said },
        _ => said,
    }));
    let (blob, body) = object(100_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    bucket.asked();
    let error = read(&*objects, 100_000).unwrap_err();
    assert!(error.starts_with("s3://builds at http://127.0.0.1"), "{error}");
    // Each further request goes on where the one before broke off, and their number is bounded.
    assert!((2..=4).contains(&bucket.asked()));
    // Whether it is whole is not known: a repair must not drop it.
    assert!(objects.is_whole(&blob).is_err());
}

#[test]
fn an_answer_of_another_length_than_it_says_is_an_error() {
    for (change, says) in [(-1, "an object ended early"), (1, "an object is longer than was said")] {
        let (_bucket, objects) = Bucket::new(Box::new(move |heard, mut said| {
            if heard.method == "GET" {
                said.body.resize(said.body.len().saturating_add_signed(change), 0);
            }
            said
        }));
        let (blob, body) = object(1_000);
        objects.put(&blob, in_parts(&body)).unwrap();
        let error = read(&*objects, 1_000).unwrap_err();
        assert!(error.ends_with(says), "{error}");
    }
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let (_bucket, objects) = Bucket::new(Box::new(|heard, said| match heard.method.as_str() {
        // The whole object, whatever range was asked for.
        "GET" => Said { status: 200, ..said },
        _ => said,
    }));
    let (blob, body) = object(1_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    let Err(BlobError::Unreachable { problem, hint }) = objects.get(&blob.key, 10..20) else { panic!("believed") };
    assert!(problem.ends_with("the answer is none of S3's"), "{problem}");
    assert!(hint.contains("speaks S3"), "{hint}");
}

#[test]
fn bytes_of_something_else_are_not_whole() {
    let (bucket, objects) = Bucket::new(Box::new(|_, said| said));
    let (blob, body) = object(1_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    assert!(objects.is_whole(&blob).unwrap());
    bucket.kept.lock().unwrap().values_mut().for_each(|kept| *kept.last_mut().unwrap() ^= 1);
    assert!(!objects.is_whole(&blob).unwrap());
    objects.put(&blob, in_parts(&body)).unwrap();
    assert!(objects.is_whole(&blob).unwrap());
}

#[test]
fn failures_are_repeated_a_few_times_and_then_told() {
    for (status, code) in [(500, "InternalError"), (503, "SlowDown")] {
        let (bucket, objects) = Bucket::new(Box::new(move |_, _| error(status, code)));
        let (blob, body) = object(1_000);
        for failed in [
            objects.put(&blob, in_parts(&body)),
            objects.get(&blob.key, 0..10).map(drop),
            objects.is_whole(&blob).map(drop),
            objects.size(&blob.key).map(drop),
            objects.delete(&blob.key),
            objects.first_missing(std::slice::from_ref(&blob)).map(drop),
        ] {
            let said = failed.as_ref().unwrap_err().to_string();
            assert!(said.contains(&format!("answers {status}")), "{said}");
            match failed.unwrap_err() {
                BlobError::Busy(_) if status == 503 => {}
                BlobError::Unreachable { hint, .. } if status == 500 => assert!(hint.starts_with("repeat it later")),
                other => panic!("{status}: {other:?}"),
            }
        }
        // Six operations, each of which is tried three times.
        assert_eq!(bucket.asked(), 18, "{status}");
    }
}

#[test]
fn a_failure_that_passes_is_not_seen() {
    let times = AtomicUsize::new(0);
    let (_bucket, objects) = Bucket::new(Box::new(move |_, said| match times.fetch_add(1, Ordering::SeqCst) % 3 {
        0 => error(503, "SlowDown"),
        1 => error(500, "InternalError"),
        _ => said,
    }));
    let (blob, body) = object(1_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    assert!(objects.is_whole(&blob).unwrap());
}

#[test]
fn silence_ends() {
    let (_bucket, objects) = Bucket::new(Box::new(|heard, said| {
        if heard.method != "PUT" {
            // Longer than anybody waits.
            std::thread::park_timeout(Duration::from_secs(20));
        }
        said
    }));
    let (blob, _) = object(1_000);
    let begun = Instant::now();
    let Err(BlobError::Unreachable { problem, .. }) = objects.size(&blob.key) else { panic!("answered") };
    assert!(problem.ends_with("did not answer in time"), "{problem}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn nobody_there_is_said() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = hasty(&at(&format!("http://{closed}"), "s3://builds"));
    let Err(Error::Bucket { problem, hint }) = nowhere.check() else { panic!("there") };
    assert!(problem.ends_with(&format!("cannot connect to {closed}")), "{problem}");
    assert!(hint.contains("--s3-endpoint"), "{hint}");
}

#[test]
fn a_server_without_conditional_writes_is_asked_once() {
    let (bucket, objects) = Bucket::new(Box::new(|heard, said| match heard.header("if-none-match") {
        Some(_) => error(501, "NotImplemented"),
        None => said,
    }));
    let (blob, body) = object(1_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    assert_eq!(bucket.asked(), 2);
    // What was refused once is not tried again, and an object that is there is replaced by the same bytes.
    objects.put(&blob, in_parts(&body)).unwrap();
    assert_eq!(bucket.asked(), 1);
    assert!(objects.is_whole(&blob).unwrap());
}

#[test]
fn an_object_that_is_there_is_not_written_again() {
    let (bucket, objects) = Bucket::new(Box::new(|_, said| said));
    let (blob, body) = object(1_000);
    objects.put(&blob, in_parts(&body)).unwrap();
    let stored = bucket.kept.lock().unwrap().clone();
    objects.put(&blob, in_parts(&body)).unwrap();
    assert_eq!(*bucket.kept.lock().unwrap(), stored);
    // The put, the refusal of the second one, and the look whether what is there is whole.
    assert_eq!(bucket.asked(), 3);
}

#[test]
fn an_endless_error_is_not_read_to_its_end() {
    let (_bucket, objects) =
        Bucket::new(Box::new(|_, _| Said { status: 403, body: vec![b'x'; 65_536], endless: true, ..Said::default() }));
    let (blob, _) = object(1_000);
    let Err(BlobError::Unreachable { problem, .. }) = objects.get(&blob.key, 0..10) else { panic!("allowed") };
    assert!(problem.contains("answers 403"), "{problem}");
}
