//! Objects over the protocol.

use bytes::Bytes;
use sci_conformance::state::State;
use sci_service::http::{Body, Method};
use sci_store_api::ObjectId;
use sci_store_api::routes;
use sci_store_api::saves::BegunSave;

use crate::bench::Bench;

#[test]
fn ranges_and_heads_are_exact() {
    let bench = Bench::default();
    let ticket = bench.main();
    let state = State::new("l", "s", "0123456789");
    bench.save(&ticket, &state, 1);
    let (_, bytes) = state.objects().pop().unwrap();
    let path = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
    let get = |range| bench.send_range(Method::Get, &path, Some(&ticket), Body::Json(Vec::new()), range);
    let whole = get(None);
    assert_eq!((whole.status, whole.body), (200, bytes.clone()));
    let part = get(Some("bytes=1-3"));
    assert_eq!((part.status, part.body), (206, bytes.slice(1..4)));
    let range = format!("bytes 1-3/{}", bytes.len());
    assert!(part.headers.contains(&("content-range", range)), "{:?}", part.headers);
    assert_eq!(get(Some("bytes=100000-")).code(), "invalid");
    let head = bench.send(Method::Head, &path, Some(&ticket), Body::Json(Vec::new()));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.headers.contains(&("content-length", bytes.len().to_string())));
}

#[test]
fn bytes_that_are_not_the_object_are_not_kept() {
    let bench = Bench::default();
    let ticket = bench.main();
    let state = State::new("l", "s", "t");
    let begun: BegunSave = bench.begin(&ticket, &state, 1).read();
    let (_, bytes) = state.objects().pop().unwrap();
    let target = format!("{}?save={}", routes::fill(routes::OBJECT, ObjectId::of(&bytes)), begun.save);
    let mut wrong = bytes.to_vec();
    wrong[0] ^= 1;
    let put = |length, body: Vec<u8>| {
        bench.send(Method::Put, &target, Some(&ticket), Body::Object { length, body: Bytes::from(body) })
    };
    assert_eq!(put(bytes.len() as u64, wrong).code(), "wrong-content");
    assert_eq!(put(bytes.len() as u64 + 1, bytes.to_vec()).code(), "wrong-content");
    assert_eq!(put(u64::MAX, bytes.to_vec()).code(), "invalid");
    assert_eq!(bench.commit(&ticket, &begun, &state).code(), "unknown-object");
}
