//! Servers that answer something else than was asked: an error with a reason each time, at once, and nothing is believed.

use std::time::{Duration, Instant};

use sci_conformance::http::Said;
use sci_conformance::state::State;
use sci_remote::{Error, Remote};
use sci_store_api::resolve::ResolveRequest;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{Object, ObjectSink as _, ObjectSource as _};

use crate::storage::Storage;

fn listing(storage: &Storage, remote: &Remote, said: Said) -> String {
    storage.answer("/v1/snapshots", usize::MAX, said);
    let started = Instant::now();
    let error = remote.snapshots(&SnapshotQuery::default()).unwrap_err();
    assert!(matches!(error, Error::Nonsense { .. } | Error::TooLong { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    let text = error.to_string();
    assert!(text.chars().all(|c| !c.is_control()) && text.len() < 1_000, "{text:?}");
    text.split_once("as a store does: ").unwrap().1.to_owned()
}

#[test]
fn other_answers_than_a_stores_are_told() {
    let storage = Storage::default();
    let remote = storage.main();
    let tell = |said| listing(&storage, &remote, said);
    assert_eq!(tell(Said::json(200, "<html>please log in</html>")), "it answers with no JSON");
    assert_eq!(tell(Said::json(200, r#"{"snapshots": 1}"#)), "it answers with JSON of another kind");
    assert_eq!(tell(Said::json(200, "")), "it answers with no JSON");
    assert_eq!(tell(Said::json(403, "\u{1b}[2J")), "status 403 without a reason");
    let mut elsewhere = Said::json(302, "");
    elsewhere.headers.push(("location".to_owned(), "https://evil.example/".to_owned()));
    assert_eq!(tell(elsewhere), "it sends elsewhere (status 302), and redirects are not followed");
    let endless = Said { endless: true, ..Said::json(200, vec![b' '; 1 << 16]) };
    assert_eq!(tell(endless), "it sends more than 8388608 bytes");
    let again = r#"{"snapshots": [], "next": 5}"#;
    assert_eq!(tell(Said::json(200, again)), "its list of snapshots has no end");
    assert_eq!(tell(Said::json(200, "[".repeat(1 << 20))), "it answers with JSON of another kind");
}

#[test]
fn what_a_server_says_does_not_reach_the_terminal_raw() {
    let storage = Storage::default();
    let remote = storage.main();
    let refusal = serde_json::json!({"code": "forbidden", "message": format!("\u{1b}[31mno\n{}", "x".repeat(9_999)),
        "hint": "\u{7}do \u{202e}this"});
    storage.answer("/v1/snapshots", 1, Said::json(403, refusal.to_string()));
    let error = remote.snapshots(&SnapshotQuery::default()).unwrap_err();
    assert!(error.to_string().starts_with("\u{fffd}[31mno x") && error.to_string().chars().count() == 301);
    assert_eq!(error.hint(), Some("\u{fffd}do \u{fffd}this"));
}

#[test]
fn ranges_that_were_not_asked_for_are_refused() {
    let storage = Storage::default();
    let remote = storage.main();
    let object = remote.put_derivation(b"0123456789").unwrap();
    let read = |said: Said| {
        storage.answer("/v1/objects", usize::MAX, said);
        remote.read(&object, 2..6).unwrap_err().to_string()
    };
    let range = |value: &str, body: &str| Said {
        headers: vec![("content-range".to_owned(), value.to_owned())],
        ..Said::json(206, body)
    };
    let other = "asked for bytes 2-5 it sends";
    assert!(read(Said::json(200, "2345")).contains(&format!("{other} the whole")));
    assert!(read(range("bytes 3-6/10", "3456")).contains(&format!("{other} bytes 3-6/10")));
    assert!(read(range("bytes 2-5/4", "2345")).contains(other));
    assert!(read(range("bytes 2-5/10", "23456")).contains(other));
    assert!(read(range("bytes 2-5/10", "234")).contains(other));
    let endless = Said { endless: true, ..range("bytes 2-5/10", "23456789") };
    assert!(read(endless).contains("sends more than"));
}

#[test]
fn an_object_of_other_bytes_is_damaged() {
    let storage = Storage::default();
    let remote = storage.main();
    let object = remote.put_derivation(b"0123456789").unwrap();
    storage.answer("/v1/objects", 1, Said::json(200, "0123456780"));
    assert!(matches!(remote.object(&object).unwrap_err(), Error::Damaged { .. }));
}

#[test]
fn a_login_page_is_no_stored_object() {
    let storage = Storage::default();
    let remote = storage.main();
    let save = storage.begin(&remote, &State::new("l", "s", "t"));
    storage.answer("/v1/objects", usize::MAX, Said::json(200, "<html>"));
    save.put(Object::of(b"x".to_vec())).unwrap();
    let error = save.commit(&State::new("l", "s", "t").commit()).unwrap_err().to_string();
    assert!(error.contains("status 200 where 204 was expected"), "{error}");
}

#[test]
fn verdicts_on_other_paths_are_refused() {
    let storage = Storage::default();
    let remote = storage.main();
    let state = State::new("l", "s", "tree");
    storage.save(&remote, &state);
    storage.meddle(|heard, honest| {
        let mut said = honest(heard);
        said.body = String::from_utf8(said.body).unwrap().replace("\"target\"", "\"other\"").into_bytes();
        said
    });
    let request = ResolveRequest { paths: vec![state.query()], ancestors: Vec::new() };
    let error = remote.resolve(&request).unwrap_err().to_string();
    assert!(error.contains("resolves other paths"), "{error}");
}

#[test]
fn another_snapshot_than_asked_for_is_refused() {
    let storage = Storage::default();
    let remote = storage.main();
    let one = storage.save(&remote, &State::new("l", "s", "tree")).snapshot();
    let two = storage.save(&remote, &State::new("l", "other", "tree 2")).snapshot();
    storage.meddle(move |heard, honest| {
        let mut heard = heard.clone();
        heard.target = heard.target.replace(&one.to_string(), &two.to_string());
        honest(&heard)
    });
    assert!(remote.snapshot(&one).unwrap_err().to_string().contains("another snapshot"));
}
