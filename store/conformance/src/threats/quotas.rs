//! Scopes that fill the store: each loses its own state, and never that of a higher class.

use sci_store_api::ErrorCode;
use sci_store_api::repositories::Quota;
use sci_store_api::saves::BegunSave;

use super::{Stage, Target};
use crate::state::State;

const SOURCES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A state of about 2,100 bytes, of which this scope has one.
fn state(source: &'static str, scope: u64) -> State {
    State::new("l", source, &format!("{scope} {}", source.repeat(1_000 / source.len())))
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
    stage.limit(Quota { untrusted_scope: Some(7_000), repository: Some(20_000), untrusted: None });
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

/// Many pull requests together, each within its own quota, against what a repository may keep.
pub fn many_pull_requests_against_main<T: Target>() {
    let stage = Stage::<T>::default();
    stage.limit(Quota { untrusted_scope: Some(5_000), untrusted: Some(9_000), repository: Some(30_000) });
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
    stage.limit(Quota { untrusted_scope: Some(3_000), ..Quota::default() });
    let (small, large) = (state("a", 42), State::new("l", "b", &"b".repeat(10_000)));
    let ticket = stage.pull_request(42);
    assert!(fill(&stage, &ticket, &small));
    let begun: BegunSave = stage.begin(&ticket, &large).read();
    let message = stage.refused(ErrorCode::Quota, "too large", || stage.put(&ticket, &begun, &large.objects()[0].1));
    assert!(message.contains("pr:42"), "{message}");
    assert_eq!(stage.resolve(&ticket, &small)["verdict"], "exact");
}
