//! Scopes that fill the store: each loses its own state, and never that of a higher class.

use sci_store_api::admin::{Collect, GcPolicy};
use sci_store_api::repositories::Quota;
use sci_store_api::saves::BegunSave;
use sci_store_api::session::SessionResponse;
use sci_store_api::{ErrorCode, ObjectId, routes};
use serde_json::json;

use super::{Stage, Target};
use crate::state::State;

const SOURCES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A state of about 22,500 bytes, with its record, of which this scope has one.
fn state(source: &'static str, scope: u64) -> State {
    State::new("l", source, &format!("{scope} {}", source.repeat(10_000 / source.len())))
}

/// Saves as far as the quota lets it; whether it did to the end.
fn fill<T: Target>(stage: &Stage<T>, ticket: &str, state: &State) -> bool {
    let begun: BegunSave = stage.begin(ticket, state).read();
    for (_, bytes) in state.objects() {
        let put = stage.put(ticket, &begun, &bytes);
        if put.status != 204 {
            assert_eq!((put.status, put.code().as_str()), (507, "quota"), "{put:?}");
            return false;
        }
    }
    assert_eq!(stage.commit(ticket, &begun, state).status, 200);
    true
}

/// One pull request saves ten times what it may keep: it loses its own state, is refused in the end, and main restores.
pub fn a_pull_request_that_fills_its_quota<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(70_000), repository: Some(220_000), untrusted: None });
    let trusted = state("main", 0);
    stage.save(&stage.main(), &trusted);
    let kept = SOURCES.iter().filter(|source| fill(&stage, &stage.pull_request(42), &state(source, 42))).count();
    assert!((1..SOURCES.len()).contains(&kept), "{kept} were saved");
    assert_eq!(stage.resolve(&stage.main(), &trusted)["verdict"], "exact");
    // Main still saves, and another pull request has room of its own.
    assert!(fill(&stage, &stage.main(), &state("new", 0)));
    assert!(fill(&stage, &stage.pull_request(4), &state("b", 4)));
    assert_eq!(stage.resolve(&stage.main(), &trusted)["verdict"], "exact");
}

/// Puts objects of 1,000 bytes until one is refused: how many were taken.
fn taken(mut put: impl FnMut(&[u8]) -> crate::http::Said) -> usize {
    (0..100_u64)
        .take_while(|number| {
            let said = put(&number.to_le_bytes().repeat(125));
            assert!(said.status == 204 || (said.status, said.code().as_str()) == (507, "quota"), "{said:?}");
            said.status == 204
        })
        .count()
}

/// Objects that belong to no save: a pull request's, and those of a token that only reads.
pub fn objects_that_belong_to_no_save<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(4_000), untrusted: Some(5_000), repository: None });
    let outside = |ticket: &str, bytes: &[u8]| {
        stage.request("PUT", &routes::fill(routes::OBJECT, ObjectId::of(bytes)), Some(ticket), bytes)
    };
    let ticket = stage.pull_request(42);
    assert_eq!(taken(|bytes| outside(&ticket, bytes)), 8);
    // One that is there already takes up no room.
    assert_eq!(outside(&ticket, &1_u64.to_le_bytes().repeat(125)).status, 204);
    let opened: SessionResponse = stage.post(routes::SESSION, &stage.token("reader", None), &json!({})).read();
    let reader = opened.ticket.expose();
    assert_eq!(taken(|bytes| outside(reader, &[bytes, b"of a reader"].concat())), 1);
    assert!(fill(&stage, &stage.main(), &state("main", 0)));
}

/// Saves that upload much and cite little: what nothing cites is charged to who put it.
pub fn saves_that_cite_little<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(60_000), ..Quota::default() });
    let ticket = stage.pull_request(42);
    let mut put = 0;
    for source in SOURCES {
        let begun = stage.uploaded(&ticket, &State::new("l", source, source));
        put += taken(|bytes| match bytes[0] {
            0..4 => stage.put(&ticket, &begun, &[bytes.repeat(10).as_slice(), source.as_bytes()].concat()),
            _ => stage.put(&ticket, &begun, &[0; 130_000]),
        });
        if put >= 10 {
            break;
        }
        assert_eq!(stage.commit(&ticket, &begun, &State::new("l", source, source)).status, 200);
    }
    assert!((10..12).contains(&put), "{put} were taken");
}

/// A collection removes the records of what was forgotten at once, and its objects after their grace: until then they are
/// charged.
pub fn what_was_forgotten_is_charged_until_it_is_collected<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(30_000), ..Quota::default() });
    let ticket = stage.pull_request(42);
    let kept = SOURCES.iter().take_while(|source| {
        let policy = GcPolicy { grace: sci_store_api::admin::DAY, ..GcPolicy::default() };
        let collected = stage.post(routes::GC, stage.admin(), &Collect { repository: None, policy });
        assert_eq!(collected.status, 200, "{collected:?}");
        fill(&stage, &ticket, &state(source, 42))
    });
    assert_eq!(kept.count(), 2);
}

/// With a quota for the repository alone, pull requests fill it as often as they can: main still saves.
pub fn pull_requests_against_a_quota_of_the_repository<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { repository: Some(90_000), ..Quota::default() });
    let trusted = state("main", 0);
    stage.save(&stage.main(), &trusted);
    let refused = (1..=12).filter(|number| {
        let source = SOURCES[*number as usize % 8];
        !fill(&stage, &stage.pull_request(*number), &state(source, *number))
    });
    assert!(refused.count() > 3);
    for source in ["new", "newer", "newest"] {
        assert!(fill(&stage, &stage.main(), &state(source, 0)), "{source}");
        assert_eq!(stage.resolve(&stage.main(), &state(source, 0))["verdict"], "exact");
    }
}

/// Many pull requests together, each within its own quota, against what a repository may keep.
pub fn many_pull_requests_against_main<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(50_000), untrusted: Some(95_000), repository: Some(300_000) });
    let trusted = state("main", 0);
    stage.save(&stage.main(), &trusted);
    for number in 1..=12 {
        fill(&stage, &stage.pull_request(number), &state(SOURCES[number as usize % 8], number));
    }
    assert_eq!(stage.resolve(&stage.main(), &trusted)["verdict"], "exact");
    assert!(fill(&stage, &stage.main(), &state("new", 0)));
    for trusted in [trusted, state("new", 0)] {
        assert_eq!(stage.resolve(&stage.main(), &trusted)["verdict"], "exact");
    }
}

/// An object that no room could be made for is refused, and nothing is forgotten for it.
pub fn a_larger_object_than_the_quota<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(30_000), ..Quota::default() });
    let (small, large) = (state("a", 42), State::new("l", "b", &"b".repeat(100_000)));
    let ticket = stage.pull_request(42);
    assert!(fill(&stage, &ticket, &small));
    let begun: BegunSave = stage.begin(&ticket, &large).read();
    let message = stage.refused(ErrorCode::Quota, "too large", || stage.put(&ticket, &begun, &large.objects()[0].1));
    assert!(message.contains("pr:42"), "{message}");
    assert_eq!(stage.resolve(&ticket, &small)["verdict"], "exact");
}
