//! Servers that are down, slow, busy or cut off: tried again where that is safe, and given up in time.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sci_conformance::http::{Said, Server};
use sci_conformance::state::State;
use sci_remote::{Error, Nobody, Remote};
use sci_store_api::saves::Committed;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{Object, ObjectSink as _, ObjectSource as _};

use crate::storage::{Storage, client};

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn fails(remote: &Remote) -> (Error, Duration) {
    let started = Instant::now();
    (remote.snapshots(&SnapshotQuery::default()).unwrap_err(), started.elapsed())
}

#[test]
fn a_server_that_is_down_is_waited_for_once() {
    let remote = client(&nowhere(), Nobody);
    let (error, took) = fails(&remote);
    assert!(matches!(&error, Error::NoAnswer { outcome_unknown: false, .. }), "{error}");
    assert!(error.to_string().contains("did not answer: the connection was refused ("), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    for _ in 0..50 {
        let (error, took) = fails(&remote);
        assert!(matches!(error, Error::GivenUp { .. }), "{error}");
        assert!(took < Duration::from_millis(100), "{took:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = client(&format!("http://{}", silent.local_addr().unwrap()), Nobody);
    let (error, took) = fails(&remote);
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_body_that_stalls_is_given_up() {
    let server = Server::start(Arc::new(|_| Said { length: Some(500), ..Said::json(200, "{") }));
    let (error, took) = fails(&client(&server.url(), Nobody));
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn what_is_busy_for_a_while_is_tried_again() {
    let storage = Storage::default();
    let remote = storage.main();
    let busy = r#"{"code": "busy", "message": "too many requests"}"#;
    for (status, body) in [(429, busy), (503, ""), (502, "<html>"), (0, "")] {
        storage.answer("/v1/snapshots", 2, Said::json(status, body));
        remote.snapshots(&SnapshotQuery::default()).unwrap();
    }
    assert_eq!(storage.count("/v1/snapshots"), 12);
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let storage = Storage::default();
    let remote = storage.main();
    remote.session().unwrap();
    let mut later = Said::json(503, r#"{"code": "unavailable", "message": "later"}"#);
    later.headers.push(("retry-after".to_owned(), "3600".to_owned()));
    storage.answer("/v1/snapshots", usize::MAX, later);
    // More time than there is: not even waited for.
    let (error, took) = fails(&remote);
    assert_eq!(error.to_string(), format!("{} did not answer: later", remote.address()));
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(storage.count("/v1/snapshots"), 1);
}

#[test]
fn a_download_goes_on_where_it_was_cut_off() {
    let storage = Storage::default();
    let remote = storage.main();
    let bytes: Vec<u8> = (0..400_000_u32).map(|number| (number / 7) as u8).collect();
    let object = remote.put_derivation(&bytes).unwrap();
    let mut cuts = 3;
    storage.meddle(move |heard, honest| {
        let mut said = honest(heard);
        if cuts > 0 {
            cuts -= 1;
            said.cut = Some(100_000);
        }
        said
    });
    storage.heard();
    assert_eq!(remote.read(&object, 0..400_000).unwrap(), bytes);
    let heard = storage.heard();
    let ranges: Vec<_> = heard.iter().filter_map(|heard| heard.header("range")).collect();
    assert_eq!(ranges, ["bytes=0-399999", "bytes=100000-399999", "bytes=200000-399999", "bytes=300000-399999"]);
}

#[test]
fn a_put_is_repeated_whole() {
    let storage = Storage::default();
    let remote = storage.main();
    let save = storage.begin(&remote, &State::new("l", "s", "t"));
    // The object arrives, and the answer is lost.
    let mut lost = false;
    storage.meddle(move |heard, honest| {
        let said = honest(heard);
        if heard.method == "PUT" && !std::mem::replace(&mut lost, true) { Said::default() } else { said }
    });
    storage.heard();
    save.put(Object::of(b"object".to_vec())).unwrap();
    save.commit(&State::new("l", "s", "t").commit()).unwrap_err();
    let mut heard = storage.heard();
    heard.retain(|heard| heard.method == "PUT");
    assert!(heard.len() == 2 && heard.iter().all(|heard| heard.body == b"object"), "{heard:?}");
}

#[test]
fn a_put_that_is_told_to_come_later_does() {
    let storage = Storage::default();
    let remote = storage.main();
    let mut refused = 2;
    storage.meddle(move |heard, honest| {
        if heard.method != "PUT" || refused == 0 {
            return honest(heard);
        }
        refused -= 1;
        Said::json(429, r#"{"code": "busy", "message": "more is being put at once than twice the quota"}"#)
    });
    storage.heard();
    let object = remote.put_derivation(b"object").unwrap();
    let puts = storage.heard().iter().filter(|heard| heard.method == "PUT").count();
    assert_eq!((puts, remote.read(&object, 0..6).unwrap().as_slice()), (3, &b"object"[..]));
}

#[test]
fn a_commit_whose_answer_is_lost_is_the_same_commit() {
    let storage = Storage::default();
    let remote = storage.main();
    let mut lost = 2;
    storage.meddle(move |heard, honest| {
        let said = honest(heard);
        let is_change = heard.path() == "/v1/saves" || heard.path().ends_with("/commit");
        if is_change && lost > 0 {
            lost -= 1;
            return Said::default();
        }
        said
    });
    let committed = storage.save(&remote, &State::new("l", "s", "tree"));
    assert!(matches!(committed, Committed::Saved { .. }), "{committed:?}");
    assert_eq!(remote.snapshots(&SnapshotQuery::default()).unwrap().snapshots.len(), 1);
}

#[test]
fn a_commit_that_nobody_answers_is_of_unknown_outcome() {
    let storage = Storage::default();
    let remote = client(&storage.server.url(), storage.pusher());
    let state = State::new("l", "s", "tree");
    let save = storage.begin(&remote, &state);
    storage.meddle(|heard, honest| {
        honest(heard);
        Said::default()
    });
    let error = save.commit(&state.commit()).unwrap_err();
    assert!(matches!(&error, Error::NoAnswer { outcome_unknown: true, .. }), "{error}");
    assert!(error.to_string().ends_with("; whether it was done is unknown"), "{error}");
}

#[test]
fn a_forgotten_snapshot_whose_answer_is_lost_is_forgotten() {
    let storage = Storage::default();
    let remote = storage.main();
    let snapshot = storage.save(&remote, &State::new("l", "s", "tree")).snapshot();
    let lost = AtomicUsize::new(0);
    storage.meddle(move |heard, honest| {
        let said = honest(heard);
        if lost.fetch_add(1, Ordering::SeqCst) == 0 { Said::default() } else { said }
    });
    remote.forget(&snapshot).unwrap();
}
