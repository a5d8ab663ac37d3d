//! Lineage: what was served to a run is in what it saves, whatever the client says, and a quarantine follows it.

use pollster::block_on;
use sci_service::{Sql, Statement};
use sci_store_api::admin::{DAY, Quarantine};
use sci_store_api::record::MAX_PARENTS;
use sci_store_api::verdict::{Refusal, Verdict};
use sci_store_api::{ErrorCode, SnapshotId};

use crate::world::{Harness, State, World, caller, code, main};

fn quarantine<H: Harness>(world: &World<H>, run: &str) -> Vec<SnapshotId> {
    let request = Quarantine { repository: main("x").repository, run: run.parse().unwrap() };
    block_on(world.service.quarantine(&request)).unwrap()
}

/// How many rows the index spends on lineage.
fn edges<H: Harness>(world: &World<H>) -> u64 {
    let rows = block_on(world.service.index().query(Statement::new("SELECT count(*) FROM lineage", []))).unwrap();
    rows.first().unwrap().unsigned(0).unwrap()
}

fn quarantined(verdict: &Verdict) -> usize {
    let refusals = verdict.candidates.iter().map(|candidate| candidate.judgement.refusal());
    refusals.filter(|refusal| *refusal == Some(Refusal::Quarantined)).count()
}

/// What runs 1, 2 and 3 saved, each upon what the one before did.
fn chain<H: Harness>(world: &World<H>) -> ([State; 3], [SnapshotId; 3]) {
    let runs = ["1", "2", "3"];
    let states = runs.map(|run| State::new("l", run, run));
    let snapshots = std::array::from_fn(|at| {
        world.resolve(&main(runs[at]), &states[at]);
        world.saved(&main(runs[at]), &states[at])
    });
    (states, snapshots)
}

/// Every snapshot that was served to a run, on any path, is a parent of what the run saves, said or not.
pub fn parents_are_what_was_served<H: Harness>() {
    let world = World::<H>::default();
    let one = world.saved(&main("1"), &State::new("l1", "s", "one"));
    let elsewhere = State { instance: "web/target", ..State::new("l2", "s", "two") };
    let two = world.saved(&main("2"), &elsewhere);
    let me = main("3");
    world.resolve(&me, &State::new("l1", "s", "x"));
    world.resolve(&me, &elsewhere);
    let child = world.saved(&me, &State::new("l3", "s", "child"));
    let mut parents = vec![one, two];
    parents.sort();
    assert_eq!(world.record(&me, &child).parents, parents);
    let other = world.saved(&main("4"), &State::new("l4", "s", "other"));
    assert_eq!(world.record(&me, &other).parents, []);
}

/// A quarantined run's snapshots and all that descends from them are refused, also through a forgotten one, and also
/// what is saved later.
pub fn quarantine_reaches_descendants<H: Harness>() {
    let world = World::<H>::default();
    let (states, snapshots) = chain(&world);
    world.resolve(&main("later"), &states[2]);
    block_on(world.service.forget(&main("x"), &snapshots[1])).unwrap();
    world.clock.advance(3 * DAY);
    world.gc(0);
    let clean = world.saved(&main("clean"), &State::new("other", "s", "clean"));
    assert_eq!(quarantine(&world, "1").len(), 2, "the one between is gone");
    let resolved = world.resolve(&main("reader"), &states[2]);
    assert_eq!(resolved.verdict.snapshot(), Some(clean));
    assert_eq!(quarantined(&resolved.verdict), 2);
    for run in ["1", "later"] {
        world.saved(&main(run), &State::new("l", "late", run).unsettled());
    }
    assert_eq!(world.resolve(&main("reader"), &State::new("l", "late", "")).verdict.snapshot(), Some(clean));
}

/// A run that was served what is quarantined is so as a whole, with what it saved before it was served that, and what grew
/// from it: so no audit finds a record that should be refused and is not.
pub fn quarantine_takes_whole_runs<H: Harness>() {
    let world = World::<H>::default();
    let hostile = State { instance: "hostile", ..State::new("l", "s", "hostile") };
    world.saved(&main("hostile"), &hostile);
    let before = world.saved(&main("1"), &State::new("l", "before", "1"));
    world.resolve(&main("2"), &State::new("l", "before", ""));
    let grown = world.saved(&main("2"), &State::new("l", "grown", "2"));
    world.resolve(&main("1"), &hostile);
    assert_eq!(quarantine(&world, "hostile").len(), 1, "nothing was saved since it was served");
    let after = world.saved(&main("1"), &State::new("l", "after", "3"));
    let refused = quarantine(&world, "unknown");
    assert!([before, grown, after].iter().all(|snapshot| refused.contains(snapshot)), "{refused:?}");
    for (number, _) in block_on(world.service.audit_list(&main("x"))).unwrap() {
        let audited = block_on(world.service.audit(&main("x"), number)).unwrap().unwrap();
        assert_eq!(audited.faults, [""; 0]);
    }
}

/// A quarantine reaches what descends through a run that has left nothing.
pub fn quarantine_reaches_through_a_run_that_is_gone<H: Harness>() {
    let world = World::<H>::default();
    let (_, snapshots) = chain(&world);
    block_on(world.service.forget(&main("x"), &snapshots[1])).unwrap();
    world.clock.advance(100 * DAY);
    world.gc(0);
    let refused = quarantine(&world, "1");
    assert!(refused.len() == 2 && refused.contains(&snapshots[2]), "{refused:?}");
}

/// Lineage takes up a row for each pair of runs, whatever they saved, and none once nothing could descend through it.
pub fn lineage_is_bounded<H: Harness>() {
    let world = World::<H>::default();
    let places = ["a", "b", "c", "d"];
    let states = |source| places.map(|instance| State { instance, ..State::new("l", source, instance) });
    let (first, second) = (states("first"), states("second"));
    let mut snapshots = first.each_ref().map(|state| world.saved(&main("1"), state)).to_vec();
    for state in &first {
        world.resolve(&main("2"), state);
    }
    snapshots.extend(second.each_ref().map(|state| world.saved(&main("2"), state)));
    assert_eq!(edges(&world), 1);
    for state in &second {
        world.resolve(&main("3"), state);
    }
    for snapshot in &snapshots {
        block_on(world.service.forget(&main("x"), snapshot)).unwrap();
    }
    world.clock.advance(3 * DAY);
    world.gc(0);
    assert_eq!(edges(&world), 1, "run 3 may yet save what it was served");
    world.clock.advance(100 * DAY);
    world.gc(0);
    assert_eq!(edges(&world), 0);
}

/// Two runs that each restored what the other had saved before: nothing keeps their edges either.
pub fn lineage_of_runs_that_descend_from_each_other_ends<H: Harness>() {
    let world = World::<H>::default();
    let state = |instance, source| State { instance, ..State::new("l", source, instance) };
    let mut snapshots = ["a", "b"].map(|run| world.saved(&main(run), &state(run, "first"))).to_vec();
    for (run, other) in [("a", "b"), ("b", "a")] {
        world.resolve(&main(run), &state(other, "first"));
    }
    snapshots.extend(["a", "b"].map(|run| world.saved(&main(run), &state(run, "second"))));
    assert_eq!(edges(&world), 2);
    for snapshot in &snapshots {
        block_on(world.service.forget(&main("x"), snapshot)).unwrap();
    }
    world.clock.advance(100 * DAY);
    world.gc(0);
    assert_eq!(edges(&world), 0);
}

/// What was served by a server from before it was noted whose it is has it of the record.
pub fn what_was_served_without_a_note_binds<H: Harness>() {
    let world = World::<H>::default();
    let low = State::new("l", "low", "low");
    world.saved(&caller("2", &["pr:1"]), &low);
    world.resolve(&caller("1", &["trusted:refs/heads/main", "pr:1"]), &low);
    world.tamper("UPDATE served SET origin = NULL, scope = NULL", []);
    let raised = State::new("l", "raised", "low");
    assert_eq!(code(world.save(&caller("1", &["trusted:refs/heads/main"]), &raised, &[])), ErrorCode::Forbidden);
    let grown = world.saved(&caller("1", &["pr:1"]), &raised);
    assert_eq!(edges(&world), 1);
    assert!(quarantine(&world, "2").contains(&grown));
}

/// What was served to a run binds it when the snapshot has gone, too.
pub fn parents_that_are_gone_still_bind<H: Harness>() {
    let world = World::<H>::default();
    let me = caller("1", &["trusted:refs/heads/main", "pr:1"]);
    let low = State::new("l", "low", "low");
    let snapshot = world.saved(&caller("2", &["pr:1"]), &low);
    assert_eq!(world.resolve(&me, &low).verdict.snapshot(), Some(snapshot));
    block_on(world.service.forget(&caller("2", &["pr:1"]), &snapshot)).unwrap();
    world.clock.advance(3 * DAY);
    world.gc(0);
    assert_eq!(code(world.save(&me, &State::new("l", "raised", "low"), &[])), ErrorCode::Forbidden);
}

/// A run of very many jobs is served more snapshots than a record has room for: it names as many, and all of them count.
pub fn more_parents_than_a_record_names<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    world.saved(&main("1"), &state);
    world.resolve(&main("2"), &state);
    world.tamper(
        "INSERT INTO served (repository, run, snapshot, record, until, origin, scope) \
         WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
         SELECT repository, run, randomblob(32), record, until, 'run-' || number, scope FROM served, numbers",
        [],
    );
    let child = world.saved(&main("2"), &State::new("l", "grown", "u"));
    assert_eq!(world.record(&main("2"), &child).parents.len(), MAX_PARENTS);
    assert_eq!(edges(&world), 5_001);
    assert_eq!(quarantine(&world, "run-4711"), [child]);
}
