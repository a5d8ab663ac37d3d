//! Trust: rows that say something else than what was signed, and keys that end.

use sci_service::Clock;
use sci_store_api::ErrorCode;
use sci_store_api::saves::Committed;
use sci_store_api::verdict::{Refusal, Verdict};

use crate::world::{Harness, State, World, caller, code, main};

fn refusals(verdict: &Verdict) -> Vec<Option<Refusal>> {
    verdict.candidates.iter().map(|candidate| candidate.judgement.refusal()).collect()
}

/// A row that was edited in the index is refused: the signed record says otherwise.
pub fn edited_rows_are_refused<H: Harness>() {
    let edits = [
        "UPDATE records SET settled = 1; UPDATE rungs SET settled = 1",
        "UPDATE records SET run = 'other'",
        "UPDATE records SET created = created + 1",
        "UPDATE records SET tree = zeroblob(32)",
        "UPDATE records SET signature = zeroblob(64)",
        "UPDATE records SET keyid = 'sci-9'",
        "UPDATE records SET payload = CAST(replace(CAST(payload AS TEXT), '\"settled\":false', '\"settled\":true') AS BLOB)",
        "UPDATE rungs SET scope = 'trusted:refs/heads/main'; UPDATE records SET scope = 'trusted:refs/heads/main'",
        "UPDATE rungs SET scope = 'trusted:refs/heads/main'",
        "UPDATE sites SET instance = 'target'",
    ];
    for edit in edits {
        let world = World::<H>::default();
        let moved = if edit.starts_with("UPDATE sites") { "elsewhere" } else { "target" };
        let scope = if edit.contains("scope") { "pr:1" } else { "trusted:refs/heads/main" };
        let state = State { instance: moved, ..State::new("l", "s", "t").unsettled() };
        let snapshot = world.saved(&caller("1", &[scope]), &state);
        for part in edit.split("; ") {
            world.tamper(part, []);
        }
        let resolved = world.resolve(&main("2"), &State::new("l", "s", "t"));
        assert_eq!(resolved.verdict.snapshot(), None, "{edit}");
        assert_eq!(resolved.verdict.candidates[0].snapshot, snapshot, "{edit}");
        assert_eq!(refusals(&resolved.verdict), [Some(Refusal::Signature)], "{edit}");
    }
}

/// The default branch's row, pointed at a pull request's signed record, is refused.
pub fn swapped_rows_are_refused<H: Harness>() {
    for column in [
        "UPDATE records SET payload = (SELECT payload FROM records WHERE scope = 'pr:1') WHERE scope LIKE 'trusted%'",
        "UPDATE records SET signature = (SELECT signature FROM records WHERE scope = 'pr:1') WHERE scope LIKE 'trusted%'",
        "UPDATE records SET tree = (SELECT tree FROM records WHERE scope = 'pr:1') WHERE scope LIKE 'trusted%'",
        "UPDATE rungs SET record = (SELECT number FROM records WHERE scope = 'pr:1') WHERE scope LIKE 'trusted%'",
    ] {
        let world = World::<H>::default();
        let state = State::new("l", "s", "t");
        world.saved(&main("1"), &state);
        world.saved(&caller("1", &["pr:1"]), &State::new("l", "s", "hostile"));
        world.tamper(column, []);
        let resolved = world.resolve(&main("2"), &state);
        assert_eq!(resolved.verdict.snapshot(), None, "{column}");
        assert!(refusals(&resolved.verdict).contains(&Some(Refusal::Signature)), "{column}");
    }
}

/// What a key signed after its end is refused; what it signed before stays good.
pub fn retired_keys_end<H: Harness>() {
    let world = World::<H>::default();
    let before = world.saved(&main("1"), &State::new("l", "before", "b"));
    let end = world.clock.now();
    world.clock.advance(1_000);
    let after = world.saved(&main("2"), &State::new("l", "after", "a"));
    world.keys.retire(end);
    let resolved = world.resolve(&main("3"), &State::new("l", "after", "a"));
    assert_eq!(resolved.verdict.snapshot(), Some(before));
    let refused = resolved.verdict.candidates.iter().find(|candidate| candidate.snapshot == after).unwrap();
    assert_eq!(refused.judgement.refusal(), Some(Refusal::Signature));
}

/// What the key signs after its end would be believed by nobody: it is not acknowledged, and the same commit is taken once
/// another key signs.
pub fn a_save_is_not_signed_by_a_key_that_ended<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let begun = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &begun, &state).unwrap();
    world.keys.retire(world.clock.now());
    world.clock.advance(1);
    assert_eq!(code(world.commit(&me, &begun, &state)), ErrorCode::Retry);
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), None);
    world.keys.exchange();
    let Committed::Saved { snapshot } = world.commit(&me, &begun, &state).unwrap() else { panic!("it was not saved") };
    assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), Some(snapshot));
}

/// What a key signed that is no longer trusted is refused, and is replaced by the next save.
pub fn unknown_keys_are_refused<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    world.saved(&main("1"), &state);
    world.keys.exchange();
    assert_eq!(refusals(&world.resolve(&main("2"), &state).verdict), [Some(Refusal::Signature)]);
    let replaced = world.saved(&main("3"), &state);
    assert_eq!(world.resolve(&main("4"), &state).verdict.snapshot(), Some(replaced));
}
