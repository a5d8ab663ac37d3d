//! More requests than the server carries out at once.

use std::thread;
use std::time::Duration;

use sci_store_api::{ObjectId, routes};
use serde_json::json;

use crate::bench::{Bench, bytes, eventually};
use crate::raw::{HALF, Raw};

#[test]
fn beyond_the_limit_a_request_is_told_to_come_later() {
    let bench = Bench::with(|settings| {
        settings.limits.requests = 1;
        settings.limits.waiting = 0;
    });
    let ticket = bench.ticket(1);
    let (mut raw, object) = Raw::half(&bench, &ticket);
    for answer in [bench.post(routes::RESOLVE, &ticket, &json!({ "paths": [] })), bench.put(&ticket, None, b"other")] {
        assert_eq!((answer.status, answer.code().as_str()), (429, "busy"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(bench.send("GET", routes::HEALTH, &[], b"").status, 200, "health has no need of a place");
    assert_eq!(bench.metric("sci_turned_away_total"), "2");
    raw.send(&object[HALF..]);
    assert_eq!(raw.status(), "HTTP/1.1 204 No Content");
    assert_eq!(bench.object(&ticket, &object).body, object);
}

#[test]
fn what_arrives_slowly_leaves_places_for_what_is_asked() {
    let bench = Bench::with(|settings| {
        settings.limits.requests = 2;
        settings.limits.uploads = 1;
        settings.limits.waiting = 0;
    });
    let ticket = bench.ticket(1);
    let (mut raw, object) = Raw::half(&bench, &ticket);
    assert_eq!(bench.put(&ticket, None, b"other").code(), "busy");
    assert_eq!(bench.post(routes::RESOLVE, &ticket, &json!({ "paths": [] })).status, 200);
    raw.send(&object[HALF..]);
    assert_eq!(raw.status(), "HTTP/1.1 204 No Content");
    eventually("its place is free", || bench.put(&ticket, None, b"other").status == 204);
}

#[test]
fn a_request_waits_for_its_turn() {
    let bench = Bench::with(|settings| settings.limits.requests = 1);
    let ticket = bench.ticket(1);
    let (mut raw, object) = Raw::half(&bench, &ticket);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.put(&ticket, None, b"other").status);
        eventually("it waits", || bench.metric("sci_requests_in_flight") == "2");
        raw.send(&object[HALF..]);
        assert_eq!(raw.status(), "HTTP/1.1 204 No Content");
        assert_eq!(waiting.join().unwrap(), 204);
    });
}

#[test]
fn nobody_waits_for_ever() {
    let bench = Bench::with(|settings| {
        settings.limits.requests = 1;
        settings.limits.patience = Duration::from_millis(100);
    });
    let ticket = bench.ticket(1);
    let (_raw, _) = Raw::half(&bench, &ticket);
    assert_eq!(bench.put(&ticket, None, b"other").code(), "busy");
}

#[test]
fn objects_that_are_sent_are_counted_until_they_have_left() {
    let bench = Bench::with(|settings| {
        settings.limits.downloads = 1;
        settings.limits.waiting = 0;
    });
    let ticket = bench.ticket(1);
    let object = bytes(32 << 20, 1);
    assert_eq!(bench.put(&ticket, None, &object).status, 204);
    let target = routes::fill(routes::OBJECT, ObjectId::of(&object));
    let mut raw = Raw::open(&bench);
    raw.say(&format!("GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ticket}\r\n\r\n"));
    assert_eq!(raw.status(), "HTTP/1.1 200 OK");
    assert_eq!(bench.get(&target, &ticket).code(), "busy");
    assert_eq!(bench.put(&ticket, None, b"other").status, 204, "what is stored has other places");
    drop(raw);
    eventually("it has left", || bench.get(&target, &ticket).status == 200);
}

#[test]
fn many_at_once_are_all_served() {
    let bench = Bench::with(|settings| settings.limits.requests = 8);
    let ticket = bench.ticket(1);
    let objects: Vec<Vec<u8>> = (0..64).map(|seed| bytes(100_000 + usize::from(seed), seed)).collect();
    thread::scope(|scope| {
        for object in &objects {
            let (bench, ticket) = (&bench, &ticket);
            scope.spawn(move || {
                assert_eq!(bench.put(ticket, None, object).status, 204);
                assert_eq!(&bench.object(ticket, object).body, object);
            });
        }
    });
    assert_eq!(bench.files(), (64, 0));
    eventually("all have ended", || bench.metric("sci_requests_in_flight") == "0");
}
