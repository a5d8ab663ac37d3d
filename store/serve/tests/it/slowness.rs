//! Peers that hold on to a connection and do nothing with it.

use std::time::{Duration, Instant};

use sci_store_api::{ObjectId, routes};

use crate::bench::{Bench, bytes, eventually};
use crate::raw::Raw;

fn impatient() -> Bench {
    Bench::with(|settings| {
        settings.limits.head = Duration::from_millis(300);
        settings.limits.idle = Duration::from_millis(300);
        settings.limits.least_speed = 1 << 20;
    })
}

/// Sends a little again and again, until the server has had enough, and gives what it says.
fn dribble(raw: &mut Raw, piece: &[u8]) -> String {
    use std::io::{Read as _, Write as _};
    raw.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut answer = Vec::new();
    while Instant::now() < deadline {
        let sent = raw.0.write_all(piece);
        let mut buffer = [0; 4096];
        match raw.0.read(&mut buffer) {
            Ok(0) => return String::from_utf8(answer).unwrap(),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock) && sent.is_ok() => {}
            Err(_) => return String::from_utf8(answer).unwrap(),
        }
    }
    panic!("the server still listens");
}

#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    let bench = impatient();
    assert_eq!(Raw::open(&bench).rest(), "", "nothing was asked");
    let mut raw = Raw::open(&bench);
    raw.say("GET /health HTTP/1.1\r\nhost: x\r\n");
    let started = Instant::now();
    dribble(&mut raw, b"x-a: b\r\n");
    assert!(started.elapsed() < Duration::from_secs(10));
    eventually("they are closed", || bench.metric("sci_connections") == "1");
}

#[test]
fn a_body_that_does_not_arrive_is_not_waited_for() {
    let bench = impatient();
    let ticket = bench.ticket(1);
    let mut raw = Raw::open(&bench);
    raw.say("POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
    assert_eq!(raw.status(), "HTTP/1.1 408 Request Timeout");
    let object = bytes(2_000_000, 1);
    let mut raw = Raw::upload(&bench, &ticket, &object);
    raw.send(&object[..1_000_000]);
    assert_eq!(raw.status(), "HTTP/1.1 408 Request Timeout");
    eventually("nothing stays", || bench.files() == (0, 0));
}

#[test]
fn an_upload_has_a_least_speed() {
    let bench = impatient();
    let ticket = bench.ticket(1);
    // At a mebibyte per second it has 0.6 seconds; never idle, it takes many more.
    let object = bytes(300_000, 2);
    let mut raw = Raw::upload(&bench, &ticket, &object);
    let answer = dribble(&mut raw, &object[..100]);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    eventually("nothing stays", || bench.files() == (0, 0));
}

#[test]
fn a_download_that_nobody_takes_is_cut_off() {
    let bench = impatient();
    let ticket = bench.ticket(1);
    let object = bytes(32 << 20, 3);
    assert_eq!(bench.put(&ticket, None, &object).status, 204);
    let mut raw = Raw::open(&bench);
    let target = routes::fill(routes::OBJECT, ObjectId::of(&object));
    raw.say(&format!("GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ticket}\r\n\r\n"));
    assert_eq!(raw.status(), "HTTP/1.1 200 OK");
    eventually("it is cut off", || bench.metric("sci_requests_in_flight") == "0");
    let got = raw.rest().len();
    assert!(got < object.len(), "{got}");
}

#[test]
fn a_connection_without_requests_is_closed() {
    let bench = impatient();
    let mut raw = Raw::open(&bench);
    raw.say("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = raw.rest();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // The same for a peer that begins as if it spoke HTTP/2.
    let mut raw = Raw::open(&bench);
    raw.say("PRI * HTTP/2.0\r\n");
    raw.rest();
    eventually("they are closed", || bench.metric("sci_connections") == "1");
}
