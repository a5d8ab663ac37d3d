//! What a scope may keep, and that it never costs a higher one.

use sci_conformance::state::State;
use sci_conformance::threats::Target as _;
use sci_store_api::admin::DAY;
use sci_store_api::repositories::Quota;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::{Nonce, ObjectId, routes};
use serde_json::json;

use crate::bench::Bench;

const SOURCES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A state of about 22,500 bytes, with its record.
fn state(source: &'static str) -> State {
    State::new("l", source, &source.repeat(10_000 / source.len()))
}

/// One of about 62,500.
fn large() -> State {
    State::new("l", "main", &"main".repeat(7_500))
}

fn collect(bench: &Bench) {
    bench.clock.advance(3 * DAY);
    for _ in 0..2 {
        collect_once(bench);
        bench.clock.advance(2 * DAY);
    }
}

fn collect_once(bench: &Bench) {
    let policy = json!({ "policy": { "grace": DAY, "keep_newest": null, "max_age": null } });
    assert_eq!(bench.post(routes::GC, bench.admin(), &policy).status, 200);
}

#[test]
fn a_pull_request_keeps_what_it_restored_last_and_main_loses_nothing() {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(70_000), repository: Some(95_000), untrusted: None });
    let main = state("main");
    bench.save(&bench.main(), &main);
    let mut refused = 0;
    for (number, source) in SOURCES.into_iter().enumerate() {
        bench.clock.advance(1);
        let ticket = bench.pull_request(42);
        let begun: BegunSave = bench.begin(&ticket, &state(source)).read();
        let puts: Vec<_> = state(source).objects().iter().map(|(_, bytes)| bench.put(&ticket, &begun, bytes)).collect();
        match puts.iter().find(|put| put.status != 204) {
            Some(put) => {
                assert_eq!((put.status, put.code().as_str()), (507, "quota"));
                refused += 1;
            }
            None => assert_eq!(bench.commit(&ticket, &begun, &state(source)).status, 200),
        }
        if number == 1 {
            // The first one is restored, so the second is the one that goes.
            bench.resolve(&ticket, &state("a"));
        }
    }
    assert!(refused > 0, "what was forgotten takes up the disk until its grace is over");
    let verdict = |source| bench.resolve(&bench.pull_request(42), &state(source))["verdict"].clone();
    assert_eq!((verdict("a"), verdict("b")), (json!("exact"), json!("nearest")));
    assert_eq!(bench.resolve(&bench.main(), &main)["verdict"], "exact");
    collect(&bench);
    bench.save(&bench.pull_request(42), &state("h"));
    assert_eq!(bench.resolve(&bench.main(), &main)["verdict"], "exact");
}

#[test]
fn a_pull_request_is_charged_for_what_it_adds_to_mains_state() {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(34_000), ..Quota::default() });
    let Committed::Saved { snapshot } = bench.save(&bench.main(), &large()) else { panic!("it was not saved") };
    // The same tree of other inputs: all but these is main's.
    let grown = |source| State { inputs: State::new("l", source, "").inputs, ..large() };
    let ticket = || bench.pull_request(42);
    bench.resolve(&ticket(), &large());
    let put = |source: &'static str| {
        let begun: BegunSave = bench.begin(&ticket(), &grown(source)).read();
        (bench.put(&ticket(), &begun, &grown(source).objects()[2].1).status, begun)
    };
    for source in SOURCES {
        let (status, begun) = put(source);
        assert_eq!(status, 204);
        assert_eq!(bench.commit(&ticket(), &begun, &grown(source)).status, 200);
    }
    for source in SOURCES {
        assert_eq!(bench.resolve(&ticket(), &grown(source))["verdict"], "exact", "{source}");
    }
    // Once main has given it up, who still holds it pays for it; what is too much goes, and then there is room again.
    assert_eq!(bench.delete(&routes::fill(routes::SNAPSHOT, snapshot), &bench.main()).status, 204);
    collect(&bench);
    assert_eq!(bench.resolve(&ticket(), &grown("a"))["verdict"], "exact");
    assert_eq!(put("new").0, 507);
    collect(&bench);
    assert_eq!(put("new").0, 204);
}

#[test]
fn what_main_saves_is_mains_whoever_sent_it_last() {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(13_000), ..Quota::default() });
    let saving = bench.uploaded(&bench.main(), &state("main"));
    let ticket = bench.pull_request(42);
    let begun: BegunSave = bench.begin(&ticket, &state("a")).read();
    let sent = |bytes: &[u8]| bench.put(&ticket, &begun, bytes).status;
    for (_, bytes) in state("main").objects() {
        assert_eq!(sent(&bytes), 204);
    }
    assert_eq!(sent(&[1; 10_000]), 507);
    assert_eq!(bench.commit(&bench.main(), &saving, &state("main")).status, 200);
    assert_eq!((sent(&[1; 10_000]), sent(&[2; 10_000])), (204, 204));
}

#[test]
fn what_a_pull_request_keeps_of_mains_is_charged_to_it() {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(13_000), repository: Some(70_000), untrusted: None });
    let pack = state("old").objects()[0].1.clone();
    let old = bench.save(&bench.main(), &state("old"));
    let ticket = bench.pull_request(42);
    // A plan says what a path is derived from, and keeps nothing else.
    let plan = json!({ "nonce": Nonce::from_bytes([1; 32]), "paths": [{
        "path": "target", "instance": "target", "ladder": state("old").ladder(), "sketch": state("old").sketch(),
        "derivation": ObjectId::of(&pack),
        "verdict": { "verdict": "miss", "reason": "nothing-saved", "candidates": [] },
    }] });
    assert_eq!(bench.post(routes::PLANS, &ticket, &plan).code(), "unknown-object");
    // A save that holds what main gives up pays for it.
    let begun: BegunSave = bench.begin(&ticket, &state("a")).read();
    assert_eq!(bench.put(&ticket, &begun, &pack).status, 204);
    let forgotten = routes::fill(routes::SNAPSHOT, old.snapshot());
    assert_eq!(bench.delete(&forgotten, &bench.main()).status, 204);
    bench.clock.advance(3 * DAY);
    assert_eq!(bench.put(&bench.pull_request(42), &begun, &[1; 10_000]).status, 204);
    collect_once(&bench);
    assert_eq!(bench.put(&bench.pull_request(42), &begun, &[2; 10_000]).status, 507);
    for source in ["new", "newer", "newest"] {
        bench.save(&bench.main(), &state(source));
    }
}

#[test]
fn a_quota_below_what_is_there_is_kept_after_a_while() {
    let bench = Bench::default();
    for source in ["old", "older", "oldest"] {
        bench.clock.advance(1);
        bench.save(&bench.main(), &state(source));
    }
    bench.limit(Quota { repository: Some(25_000), ..Quota::default() });
    let begun: BegunSave = bench.begin(&bench.main(), &state("new")).read();
    let refused = bench.put(&bench.main(), &begun, &state("new").objects()[0].1);
    assert_eq!((refused.status, refused.code().as_str()), (507, "quota"));
    assert!(refused.message().contains("trusted scopes and releases"), "{refused:?}");
    collect(&bench);
    bench.save(&bench.main(), &state("new"));
    assert_eq!(bench.resolve(&bench.main(), &state("new"))["verdict"], "exact");
}

#[test]
fn one_pull_request_does_not_count_for_another_whose_number_begins_alike() {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(30_000), ..Quota::default() });
    bench.save(&bench.pull_request(42), &state("a"));
    bench.save(&bench.pull_request(4), &state("b"));
    for (number, source) in [(42, "a"), (4, "b")] {
        assert_eq!(bench.resolve(&bench.pull_request(number), &state(source))["verdict"], "exact");
    }
}

#[test]
fn trusted_saves_take_room_from_pull_requests_first() {
    let bench = Bench::default();
    bench.limit(Quota { repository: Some(65_000), ..Quota::default() });
    bench.save(&bench.main(), &state("old"));
    bench.clock.advance(1);
    bench.save(&bench.pull_request(42), &state("a"));
    bench.clock.advance(1);
    bench.save(&bench.main(), &state("new"));
    let main = bench.main();
    assert_eq!(
        bench.resolve(&bench.pull_request(42), &state("a"))["candidates"][0]["scope"],
        "trusted:refs/heads/main"
    );
    assert_eq!(bench.resolve(&main, &state("old"))["verdict"], "exact");
    assert_eq!(bench.resolve(&main, &state("new"))["verdict"], "exact");
}

#[test]
fn idle_scopes_of_a_class_go_by_policy() {
    let bench = Bench::default();
    bench.save(&bench.main(), &state("main"));
    bench.save(&bench.pull_request(1), &state("a"));
    bench.clock.advance(10 * DAY);
    bench.save(&bench.pull_request(2), &state("b"));
    let policy = json!({ "policy": {
        "grace": DAY, "keep_newest": null, "max_age": null, "max_idle": { "pr": 7 * DAY, "queue": DAY },
    } });
    let report: serde_json::Value = bench.post(routes::GC, bench.admin(), &policy).read();
    assert_eq!(report["forgotten"].as_array().unwrap().len(), 1);
    assert_eq!(bench.resolve(&bench.pull_request(2), &state("b"))["verdict"], "exact");
    assert_eq!(bench.resolve(&bench.main(), &state("main"))["verdict"], "exact");
    assert_ne!(bench.resolve(&bench.pull_request(1), &state("a"))["verdict"], "exact");
}
