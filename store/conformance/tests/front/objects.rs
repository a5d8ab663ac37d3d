//! Objects over the protocol.

use sci_conformance::http::{Heard, Said};
use sci_conformance::state::State;
use sci_conformance::threats::Target as _;
use sci_store_api::saves::BegunSave;
use sci_store_api::{ObjectId, routes};

use crate::bench::Bench;

fn has(said: &Said, name: &str, value: &str) -> bool {
    said.headers.contains(&(name.to_owned(), value.to_owned()))
}

#[test]
fn ranges_and_heads_are_exact() {
    let bench = Bench::default();
    let ticket = bench.main();
    let state = State::new("l", "s", "0123456789");
    bench.save(&ticket, &state);
    let (_, bytes) = state.objects().pop().unwrap();
    let target = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
    let ask = |method: &str, range: Option<&str>| {
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {ticket}"))];
        headers.extend(range.map(|range| ("range".to_owned(), range.to_owned())));
        bench.send(&Heard { method: method.to_owned(), target: target.clone(), headers, body: Vec::new() })
    };
    let whole = ask("GET", None);
    assert_eq!((whole.status, &whole.body[..]), (200, &bytes[..]));
    let part = ask("GET", Some("bytes=1-3"));
    assert_eq!((part.status, &part.body[..]), (206, &bytes[1..4]));
    assert!(has(&part, "content-range", &format!("bytes 1-3/{}", bytes.len())), "{:?}", part.headers);
    assert_eq!(ask("GET", Some("bytes=100000-")).code(), "invalid");
    let head = ask("HEAD", None);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(has(&head, "content-length", &bytes.len().to_string()));
}

#[test]
fn an_object_of_another_length_than_announced_is_not_kept() {
    let bench = Bench::default();
    let ticket = bench.main();
    let state = State::new("l", "s", "t");
    let begun: BegunSave = bench.begin(&ticket, &state).read();
    let (_, bytes) = state.objects().pop().unwrap();
    let target = format!("{}?save={}", routes::fill(routes::OBJECT, ObjectId::of(&bytes)), begun.save);
    let put = |length: u64| {
        let headers = [("authorization", format!("Bearer {ticket}")), ("content-length", length.to_string())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        bench.send(&Heard { method: "PUT".to_owned(), target: target.clone(), headers, body: bytes.to_vec() })
    };
    assert_eq!(put(bytes.len() as u64 + 1).code(), "wrong-content");
    assert_eq!(put(u64::MAX).code(), "invalid");
    assert_eq!(bench.commit(&ticket, &begun, &state).code(), "unknown-object");
}
