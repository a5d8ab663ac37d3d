//! Bodies that are too long, of no announced length, cut short, or not what they say.

use sci_store_api::{ObjectId, routes};

use crate::bench::{Bench, bytes, eventually};
use crate::raw::Raw;

#[test]
fn json_is_bounded() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    // A client that sends all of it before it listens gets to its answer.
    let long = bench.send("POST", routes::RESOLVE, &[], &vec![b' '; 20 << 20]);
    assert_eq!(long.status, 413, "{long:?}");
    // What nobody would read to its end is refused before it is read.
    let mut raw = Raw::open(&bench);
    raw.say("POST /v1/resolve HTTP/1.1\r\nhost: x\r\ncontent-length: 67108865\r\nconnection: close\r\n\r\n");
    assert_eq!(raw.status(), "HTTP/1.1 413 Payload Too Large");
    // What is not is read as far as it may go.
    let mut raw = Raw::open(&bench);
    raw.say("POST /v1/resolve HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n400001\r\n");
    raw.send(&vec![b' '; 0x40_0001]);
    assert_eq!(raw.status(), "HTTP/1.1 413 Payload Too Large");
    let padded = [&vec![b' '; 4_194_000][..], br#"{"paths":[]}"#].concat();
    let answer = bench.send("POST", routes::RESOLVE, &[("authorization", &format!("Bearer {ticket}"))], &padded);
    assert_ne!(answer.status, 413, "{answer:?}");
}

#[test]
fn an_object_has_its_length_and_no_more_than_a_gibibyte() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    let target = routes::fill(routes::OBJECT, ObjectId::of(b"abc"));
    let head = format!("PUT {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ticket}\r\n");
    for (rest, status) in [
        ("transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "411 Length Required"),
        ("\r\n", "411 Length Required"),
        ("content-length: 1073741825\r\n\r\n", "413 Payload Too Large"),
        ("content-length: 99999999999999999999999\r\n\r\n", "400 Bad Request"),
        ("content-length: 3\r\ncontent-length: 4\r\n\r\nabc", "400 Bad Request"),
    ] {
        let mut raw = Raw::open(&bench);
        raw.say(&format!("{head}{rest}"));
        assert_eq!(raw.status(), format!("HTTP/1.1 {status}"), "{rest:?}");
    }
    assert_eq!(bench.files(), (0, 0));
}

#[test]
fn an_upload_that_is_cut_short_leaves_nothing() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    let object = bytes(3_000_000, 2);
    for sent in [0, 1, 1_000_000, 2_999_999] {
        let mut raw = Raw::upload(&bench, &ticket, &object);
        raw.send(&object[..sent]);
        eventually("it arrives", || bench.metric("sci_requests_in_flight") == "1");
        drop(raw);
        eventually("it is given up", || bench.metric("sci_requests_in_flight") == "0" && bench.files() == (0, 0));
    }
    assert_eq!(bench.object(&ticket, &object).code(), "unknown-object");
    // Nothing of it is in the way of the next one.
    assert_eq!(bench.put(&ticket, None, &object).status, 204);
    assert_eq!((bench.object(&ticket, &object).body, bench.files()), (object, (1, 0)));
}

#[test]
fn bytes_that_are_not_the_object_are_refused() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    let object = bytes(300_000, 3);
    let mut wrong = object.clone();
    wrong[299_999] ^= 1;
    let target = routes::fill(routes::OBJECT, ObjectId::of(&object));
    let put = bench.send("PUT", &target, &[("authorization", &format!("Bearer {ticket}"))], &wrong);
    assert_eq!((put.status, put.code().as_str()), (400, "wrong-content"));
    assert_eq!(bench.files(), (0, 0));
}

#[test]
fn a_refused_upload_gets_to_its_answer() {
    let bench = Bench::default();
    // More than any buffer between the two holds: a server that closes at once resets the connection under the sender.
    let object = bytes(24_000_000, 4);
    for _ in 0..3 {
        let put = bench.put("no ticket", None, &object);
        assert_eq!((put.status, put.code().as_str()), (401, "unauthorized"));
    }
    assert_eq!(bench.files(), (0, 0));
}
