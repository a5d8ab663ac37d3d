//! Resolve: the order of choices, and a reason for each candidate that is not chosen.

use sci_hasher::InputClass;
use sci_store_api::resolve::RestorePolicy;
use sci_store_api::verdict::{MissReason, Outcome, Refusal};
use sci_store_api::{ObjectId, SnapshotId};

use crate::world::{Harness, State, World, caller, main};

const MAIN: &str = "trusted:refs/heads/main";
const BRANCH: &str = "branch:refs/heads/topic";

fn reason(verdict: &sci_store_api::verdict::Verdict, snapshot: SnapshotId) -> Option<Refusal> {
    let found = verdict.candidates.iter().find(|candidate| candidate.snapshot == snapshot);
    found.unwrap_or_else(|| panic!("{snapshot} is not named in {verdict:?}")).judgement.refusal()
}

/// The exact snapshot of the caller's own scope wins over a newer one elsewhere, and the order of scopes decides then.
pub fn exact_prefers_own_scope_then_order<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let own = world.saved(&caller("1", &["pr:1", BRANCH, MAIN]), &state);
    let base = world.saved(&caller("2", &[BRANCH]), &state);
    let trusted = world.saved(&main("3"), &state);
    let cases = [
        (vec!["pr:1", BRANCH, MAIN], own),
        (vec!["pr:2", BRANCH, MAIN], base),
        (vec!["pr:2", MAIN, BRANCH], trusted),
        (vec![MAIN], trusted),
    ];
    for (scopes, expected) in cases {
        let resolved = world.resolve(&caller("9", &scopes), &state);
        assert_eq!(resolved.verdict.outcome, Outcome::Exact { snapshot: expected }, "{scopes:?}");
        assert_eq!(resolved.envelope.unwrap().snapshot_id(), expected);
    }
}

/// Of several exact snapshots in one scope the newest settled one is chosen.
pub fn exact_takes_the_newest_settled<H: Harness>() {
    let world = World::<H>::default();
    let first = world.saved(&main("1"), &State::new("l", "s", "1"));
    world.resolve(&main("2"), &State::new("l", "s", "1"));
    let second = world.save(&main("2"), &State::new("l", "s", "2"), &[first]).unwrap().snapshot();
    world.saved(&main("3"), &State::new("l", "s", "3").unsettled());
    let resolved = world.resolve(&main("4"), &State::new("l", "s", "1"));
    assert_eq!(resolved.verdict.outcome, Outcome::Exact { snapshot: second });
    assert_eq!(reason(&resolved.verdict, first), Some(Refusal::Older));
}

/// A candidate that shares a higher rung wins, however similar or recent another is.
pub fn nearest_takes_the_highest_rung<H: Harness>() {
    let world = World::<H>::default();
    let lockfile = world.saved(&main("1"), &State::new("l1", "s0", "a"));
    let mut similar = State::new("l0", "s1", "b");
    similar.elements = vec!["l1", "s1"];
    let similar = world.saved(&main("2"), &similar);
    let resolved = world.resolve(&main("3"), &State::new("l1", "s1", "c"));
    let Outcome::Nearest { snapshot, shared, .. } = resolved.verdict.outcome else { panic!("{resolved:?}") };
    assert_eq!((snapshot, shared), (lockfile, InputClass::Lockfiles));
    let resolved = world.resolve(&main("4"), &State::new("l2", "s1", "c"));
    let Outcome::Nearest { snapshot, shared, .. } = resolved.verdict.outcome else { panic!("{resolved:?}") };
    assert_eq!((snapshot, shared), (similar, InputClass::Configs));
    assert_eq!(reason(&resolved.verdict, lockfile), Some(Refusal::Outranked));
}

/// Among those of one rung: the sketch, then the distance to an ancestor, then the own scope, then recency.
pub fn nearest_ranks_by_sketch_then_ancestor_then_scope<H: Harness>() {
    let world = World::<H>::default();
    let save = |source: &'static str, elements: &[&'static str], sha: &str, scope: &str| {
        let mut state = State::new("l", source, source);
        state.elements = elements.to_vec();
        let mut caller = caller(source, &[scope]);
        caller.claims.insert("sha".to_owned(), sha.to_owned());
        world.saved(&caller, &state)
    };
    let near = save("a", &["1", "2", "3"], "c9", MAIN);
    let far = save("b", &["1"], "c1", MAIN);
    let old = save("c", &["1"], "c2", MAIN);
    let own = save("d", &["1"], "x", BRANCH);
    let recent = save("e", &["1"], "y", MAIN);
    let mut query = State::new("l", "new", "t");
    query.elements = vec!["1", "2", "3", "4"];
    let resolved = world.ask(&caller("9", &[BRANCH, MAIN]), query.query(), &["c0", "c1", "c2"]);
    let order: Vec<SnapshotId> = resolved.verdict.candidates.iter().map(|candidate| candidate.snapshot).collect();
    assert_eq!(order, [near, far, old, own, recent]);
    let distances: Vec<_> = resolved.verdict.candidates.iter().map(|candidate| candidate.distance).collect();
    assert_eq!(distances, [None, Some(1), Some(2), None, None]);
    let reasons: Vec<_> = order.iter().map(|snapshot| reason(&resolved.verdict, *snapshot)).collect();
    let outranked = Some(Refusal::Outranked);
    assert_eq!(reasons, [None, outranked, outranked, outranked, outranked]);
}

/// Where two share as much, what a failed run left is not preferred for being newer, in the own scope or from a nearer
/// commit; where it shares more, it is. Each verdict says what decided.
pub fn settled_ranks_before_unsettled_among_equals<H: Harness>() {
    let world = World::<H>::default();
    let save = |run: &str, scope: &str, sha: &str, state: &State| {
        let mut caller = caller(run, &[scope]);
        caller.claims.insert("sha".to_owned(), sha.to_owned());
        world.saved(&caller, state)
    };
    let state = |source: &'static str, tree: &str| State { elements: vec!["l"], ..State::new("l", source, tree) };
    let older = save("1", MAIN, "x", &state("a", "older"));
    let settled = save("2", MAIN, "x", &state("b", "settled"));
    let failed = save("3", BRANCH, "c0", &state("c", "half").unsettled());
    let own = save("4", BRANCH, "x", &state("d", "own"));
    let near = save("5", MAIN, "c1", &state("e", "near"));
    let reader = caller("9", &[BRANCH, MAIN]);
    let ask = |ancestors: &[&str], elements: &[&'static str]| {
        let query = State { elements: elements.to_vec(), ..State::new("l", "new", "t") };
        world.ask(&reader, query.query(), ancestors).verdict
    };
    let named = |verdict: &sci_store_api::verdict::Verdict| -> Vec<_> {
        let named = |it: &sci_store_api::verdict::Candidate| (it.snapshot, it.judgement.refusal());
        verdict.candidates.iter().map(named).collect()
    };
    let expected = [
        (near, None),
        (own, Some(Refusal::Farther)),
        (settled, Some(Refusal::Farther)),
        (older, Some(Refusal::Farther)),
        (failed, Some(Refusal::LessSettled)),
    ];
    assert_eq!(named(&ask(&["c0", "c1"], &["l"])), expected);
    let expected = [
        (own, None),
        (near, Some(Refusal::LaterScope)),
        (settled, Some(Refusal::LaterScope)),
        (older, Some(Refusal::LaterScope)),
        (failed, Some(Refusal::LessSettled)),
    ];
    assert_eq!(named(&ask(&[], &["l"])), expected);
    let from_main =
        world.ask(&main("9"), State { elements: vec!["l"], ..State::new("l", "n", "t") }.query(), &[]).verdict;
    assert_eq!(reason(&from_main, settled), Some(Refusal::Older), "{from_main:?}");

    let inputs: Vec<&'static str> = (0..100).map(|number| &*Box::leak(number.to_string().into_boxed_str())).collect();
    let state = |elements: &[&'static str], tree| State { elements: elements.to_vec(), ..State::new("l", tree, tree) };
    let nearly = save("6", MAIN, "x", &state(&inputs[1..], "nearly"));
    let all = save("7", MAIN, "x", &state(&inputs, "all").unsettled());
    let verdict = ask(&[], &inputs);
    assert_eq!(verdict.snapshot(), Some(nearly), "what a sketch cannot tell apart does not count: {verdict:?}");
    assert_eq!(reason(&verdict, all), Some(Refusal::LessSettled));

    let similar = State { elements: vec!["l", "n"], ..State::new("l", "f", "similar") };
    let similar = save("8", MAIN, "x", &similar.unsettled());
    let verdict = ask(&["c0", "c1"], &["l", "n"]);
    assert_eq!(verdict.snapshot(), Some(similar), "{verdict:?}");
    assert_eq!(reason(&verdict, near), Some(Refusal::Outranked));
}

/// Nothing below the path's `match` is restored; it is named with that reason.
pub fn match_is_respected<H: Harness>() {
    let world = World::<H>::default();
    let snapshot = world.saved(&main("1"), &State::new("l", "s", "t"));
    let mut query = State::new("l2", "s", "t").query();
    query.at_least = InputClass::Lockfiles;
    let resolved = world.ask(&main("2"), query.clone(), &[]);
    assert_eq!(resolved.verdict.outcome, Outcome::Miss { reason: MissReason::AllRefused });
    assert_eq!(reason(&resolved.verdict, snapshot), Some(Refusal::BelowMatch));
    assert_eq!(resolved.verdict.candidates[0].shared, Some(InputClass::Configs));
    query.at_least = InputClass::Configs;
    assert_eq!(world.ask(&main("2"), query, &[]).verdict.snapshot(), Some(snapshot));
    let mut alien = State::new("l", "s", "t");
    alien.inputs[0].1 = "windows";
    let resolved = world.resolve(&main("3"), &alien);
    assert_eq!(reason(&resolved.verdict, snapshot), Some(Refusal::BelowMatch));
    assert_eq!(resolved.verdict.candidates[0].shared, None);
}

/// `restore = "exact"` and `"never"` hold; a path that was never saved says so.
pub fn policies_are_respected<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let miss = |resolved: sci_store_api::resolve::Resolved| match resolved.verdict.outcome {
        Outcome::Miss { reason } => (reason, resolved.verdict),
        other => panic!("expected a miss, got {other:?}"),
    };
    assert_eq!(miss(world.resolve(&main("1"), &state)).0, MissReason::NothingSaved);
    let snapshot = world.saved(&main("1"), &state);
    let mut query = state.query();
    query.restore = RestorePolicy::Never;
    assert_eq!(miss(world.ask(&main("2"), query.clone(), &[])).0, MissReason::RestoreNever);
    query.restore = RestorePolicy::Exact;
    assert_eq!(world.ask(&main("2"), query.clone(), &[]).verdict.snapshot(), Some(snapshot));
    query.ladder = State::new("l", "s2", "t").ladder();
    let (why, verdict) = miss(world.ask(&main("2"), query, &[]));
    assert_eq!(why, MissReason::AllRefused);
    assert_eq!(reason(&verdict, snapshot), Some(Refusal::ExactOnly));
    let parents = world.save(&main("3"), &State::new("l", "s3", "t3"), &[]).unwrap().snapshot();
    assert_eq!(world.record(&main("3"), &parents).parents, [], "what is not served is no parent");
}

/// A pull request that saved the key first is named in the verdict of the default branch, and not served.
pub fn other_scopes_are_named_not_served<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let theirs = world.saved(&caller("1", &["pr:1", MAIN]), &state);
    let resolved = world.resolve(&main("2"), &state);
    assert_eq!(resolved.verdict.outcome, Outcome::Miss { reason: MissReason::AllRefused });
    assert_eq!(reason(&resolved.verdict, theirs), Some(Refusal::Scope));
    assert_eq!(resolved.envelope, None);
    let near = world.saved(&main("3"), &State::new("l", "s0", "near"));
    let resolved = world.resolve(&main("4"), &state);
    assert_eq!(resolved.verdict.snapshot(), Some(near));
    assert_eq!(reason(&resolved.verdict, theirs), Some(Refusal::Scope));
}

/// A snapshot of a failed run is near, never exact.
pub fn unsettled_is_never_exact<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&main("1"), &state.clone().unsettled());
    let resolved = world.resolve(&main("2"), &state);
    assert!(matches!(resolved.verdict.outcome, Outcome::Nearest { shared: InputClass::Variant, .. }));
    let mut query = state.query();
    query.restore = RestorePolicy::Exact;
    let resolved = world.ask(&main("2"), query, &[]);
    assert_eq!(reason(&resolved.verdict, snapshot), Some(Refusal::Unsettled));
}

/// A snapshot that lost an object is refused with that reason, and the next best is taken.
pub fn missing_object_is_a_reason<H: Harness>() {
    let world = World::<H>::default();
    let older = world.saved(&main("1"), &State::new("l", "s0", "older"));
    let state = State::new("l", "s", "t");
    let broken = world.saved(&main("1"), &state);
    world.lose(&main("1"), &ObjectId::of(&state.objects()[1].1));
    let resolved = world.resolve(&main("2"), &state);
    assert_eq!(resolved.verdict.snapshot(), Some(older));
    assert_eq!(reason(&resolved.verdict, broken), Some(Refusal::Incomplete));
}

/// However much another scope saves, it does not hide what the reader may read.
pub fn a_flood_elsewhere_hides_nothing<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let trusted = world.saved(&main("1"), &state);
    for number in 0..100 {
        world.saved(&caller(&format!("r{number}"), &["pr:1"]), &State::new("l", "s", &number.to_string()).unsettled());
    }
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), Some(trusted));
    let near = world.resolve(&main("2"), &State::new("l", "s9", "t"));
    assert_eq!(near.verdict.snapshot(), Some(trusted));
    assert!(near.verdict.candidates.len() <= sci_store_api::verdict::Verdict::MAX_CANDIDATES);
}

/// Two repositories in one store see nothing of each other, not even that it is there.
pub fn repositories_are_apart<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&main("1"), &state);
    let mut stranger = main("1");
    stranger.repository = "stranger".parse().unwrap();
    let resolved = world.resolve(&stranger, &state);
    assert_eq!(resolved.verdict.outcome, Outcome::Miss { reason: MissReason::NothingSaved });
    assert_eq!(resolved.verdict.candidates, []);
    let theirs = world.saved(&stranger, &state);
    assert_ne!(theirs, snapshot);
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), Some(snapshot));
}
