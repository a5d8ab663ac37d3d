//! Audit and repair: what is damaged is found and becomes a miss, what is sound stays, whatever else is going on.

use std::sync::Arc;

use pollster::block_on;
use sci_service::{Hold, Value};
use sci_store_api::admin::Repaired;
use sci_store_api::plans::PlannedPath;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::verdict::{MissReason, Outcome};
use sci_store_api::{ErrorCode, ObjectId, SnapshotId};

use crate::world::{Fault, Harness, State, World, caller, code, main, path};

fn pack(state: &State) -> ObjectId {
    ObjectId::of(&state.objects()[0].1)
}

fn repair<H: Harness>(world: &World<H>, objects: &[ObjectId], records: &[i64]) -> Repaired {
    block_on(world.service.repair(&main("x").repository, objects, records)).unwrap()
}

fn listed<H: Harness>(world: &World<H>) -> Vec<SnapshotId> {
    let page = block_on(world.service.snapshots(&main("x"), &SnapshotQuery::default())).unwrap();
    page.snapshots.iter().map(|summary| summary.snapshot).collect()
}

/// The numbers of the records with faults.
fn faulty<H: Harness>(world: &World<H>) -> Vec<i64> {
    let me = main("x");
    let numbers = block_on(world.service.audit_list(&me)).unwrap();
    let audits = numbers.into_iter().filter_map(|(number, _)| block_on(world.service.audit(&me, number)).unwrap());
    audits.filter(|audited| !audited.faults.is_empty()).map(|audited| audited.number).collect()
}

/// A damaged object goes, and every snapshot that needs it is a miss; the next save makes it whole.
pub fn damage_becomes_a_miss<H: Harness>() {
    let world = World::<H>::default();
    let (one, two) = (State::new("l", "s", "shared"), State::new("l", "s2", "shared"));
    let other = State::new("l", "s3", "other");
    let hurt = [world.saved(&main("1"), &one), world.saved(&main("1"), &two)];
    let sound = world.saved(&main("1"), &other);
    world.lose(&main("1"), &pack(&one));
    let repaired = repair(&world, &[pack(&one), pack(&other), ObjectId::of(b"nobody has this")], &[]);
    assert_eq!(repaired.forgotten, hurt);
    assert_eq!(repaired.dropped.iter().map(|object| object.id).collect::<Vec<_>>(), [pack(&one)]);
    assert_eq!(repaired.sound, [pack(&other)]);
    assert_eq!(listed(&world), [sound]);
    let Outcome::Nearest { snapshot, .. } = world.resolve(&main("2"), &one).verdict.outcome else {
        panic!("no nearest")
    };
    assert_eq!(snapshot, sound);
    let again = world.saved(&main("3"), &one);
    assert_eq!(world.resolve(&main("4"), &one).verdict.snapshot(), Some(again));
    assert_eq!(repair(&world, &[pack(&one)], &[]).sound, [pack(&one)]);
    world.gc(0);
    for (_, bytes) in one.objects() {
        assert_eq!(world.read(&main("5"), &ObjectId::of(&bytes)).unwrap(), bytes);
    }
}

/// An object that is put again between the look that found it damaged and its removal stays, and so does what was
/// acknowledged because of it.
pub fn what_is_healed_meanwhile_stays<H: Harness>() {
    let world = Arc::new(World::<H>::default());
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&main("1"), &state);
    world.lose(&main("1"), &pack(&state));
    let racing = Arc::clone(&world);
    let again = state.clone();
    world.service.blobs().after_look(move || {
        assert_eq!(racing.save(&main("2"), &again, &[]).unwrap().snapshot(), snapshot);
    });
    let repaired = repair(&world, &[pack(&state)], &[]);
    assert_eq!((repaired.forgotten.as_slice(), repaired.dropped.as_slice()), (&[][..], &[][..]));
    assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), Some(snapshot));
}

/// An object that a collection dooms between the look that found it missing and its removal is the collection's to tell.
pub fn what_is_collected_meanwhile_is_not_dropped<H: Harness>() {
    let world = Arc::new(World::<H>::default());
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    world.lose(&me, &pack(&state));
    let racing = Arc::clone(&world);
    world.service.blobs().after_look(move || racing.tamper("UPDATE objects SET state = 2", []));
    assert_eq!(repair(&world, &[pack(&state)], &[]), Repaired::default());
}

/// A save that relied on what is dropped is told so, and succeeds once it has put everything.
pub fn a_save_in_flight_is_told<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    world.lose(&me, &pack(&state));
    repair(&world, &[pack(&state)], &[]);
    assert_eq!(code(world.commit(&me, &save, &state)), ErrorCode::UnknownObject);
    world.put(&me, Hold::Save(save.save), &state.objects()[0].1).unwrap();
    let snapshot = world.commit(&me, &save, &state).unwrap().snapshot();
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), Some(snapshot));
}

/// A put that is under way while its object is dropped is told to begin again.
pub fn a_put_in_flight_is_told<H: Harness>() {
    let world = Arc::new(World::<H>::default());
    let state = State::new("l", "s", "t");
    world.saved(&main("1"), &state);
    world.lose(&main("1"), &pack(&state));
    let racing = Arc::clone(&world);
    let damaged = pack(&state);
    world.service.blobs().before_put(move || {
        repair(&racing, &[damaged], &[]);
    });
    let save = world.begin(&main("2"), &state, &[]).unwrap();
    let put = world.put(&main("2"), Hold::Save(save.save), &state.objects()[0].1).unwrap_err();
    assert_eq!(put.code(), ErrorCode::Retry);
    world.saved(&main("3"), &state);
}

/// Inputs that only a plan cites are objects like others.
pub fn inputs_of_plans_are_looked_at<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let inputs = &state.objects()[2].1;
    let derivation = ObjectId::of(inputs);
    world.put(&me, Hold::Run, inputs).unwrap();
    let planned = || PlannedPath {
        path: path(),
        instance: state.query().instance,
        ladder: state.ladder(),
        sketch: state.sketch(),
        derivation: Some(derivation),
        verdict: sci_store_api::verdict::Verdict::miss(MissReason::NothingSaved),
    };
    let record = |nonce| sci_store_api::plans::RecordPlan { nonce, paths: vec![planned()] };
    let plan = block_on(world.service.record_plan(&me, &record(world.nonce()))).unwrap();
    let loose = block_on(world.service.loose_objects(&me)).unwrap();
    assert_eq!(loose.iter().map(|blob| blob.key.object).collect::<Vec<_>>(), [derivation]);
    assert!(block_on(world.service.is_whole(&loose[0])).unwrap());
    world.lose(&me, &derivation);
    assert!(!block_on(world.service.is_whole(&loose[0])).unwrap());
    assert_eq!(repair(&world, &[derivation], &[]).dropped.len(), 1);
    assert!(block_on(world.service.loose_objects(&me)).unwrap().is_empty());
    assert_eq!(block_on(world.service.explain(&me, &plan)).unwrap().plan.paths.len(), 1);
    world.put(&me, Hold::Run, inputs).unwrap();
    block_on(world.service.record_plan(&me, &record(world.nonce()))).unwrap();
    assert_eq!(world.read(&me, &derivation).unwrap(), *inputs);
}

/// Whatever is changed in the index about a record is found, and is a miss after a repair.
pub fn edited_rows_are_found<H: Harness>() {
    let edits = [
        "UPDATE records SET repository = 'dem0'",
        "UPDATE records SET snapshot = randomblob(32)",
        "UPDATE records SET site = site + 1",
        "UPDATE records SET scope = 'trusted:refs/heads/maim'",
        "UPDATE records SET scope = CAST(x'ff' AS TEXT)",
        "UPDATE records SET key = randomblob(32)",
        "UPDATE records SET tree = randomblob(32)",
        "UPDATE records SET derivation = randomblob(32)",
        "UPDATE records SET settled = 0",
        "UPDATE records SET quarantined = 1",
        "UPDATE records SET files = files + 1",
        "UPDATE records SET bytes = bytes + 1",
        "UPDATE records SET stored = stored + 1",
        "UPDATE records SET objects = objects + 1",
        "UPDATE records SET run = 'another'",
        "UPDATE records SET sha = 'beef'",
        "UPDATE records SET created = created + 1",
        "UPDATE records SET payload = CAST(replace(payload, '\"files\":1', '\"files\":3') AS BLOB)",
        "UPDATE records SET keyid = 'sci-3'",
        "UPDATE records SET keyid = '\u{7f}'",
        "UPDATE records SET signature = randomblob(64)",
        "UPDATE sites SET repository = 'dem0'",
        "UPDATE sites SET path = 'targat'",
        "UPDATE sites SET instance = 'targat'",
        "UPDATE rungs SET digest = randomblob(32) WHERE digest = (SELECT max(digest) FROM rungs)",
        "UPDATE rungs SET scope = 'pr:1' WHERE digest = (SELECT max(digest) FROM rungs)",
        "UPDATE rungs SET settled = 0 WHERE digest = (SELECT min(digest) FROM rungs)",
        "UPDATE rungs SET record = record + 1 WHERE digest = (SELECT min(digest) FROM rungs)",
        "UPDATE rungs SET site = site + 1 WHERE digest = (SELECT min(digest) FROM rungs)",
        "DELETE FROM rungs WHERE digest = (SELECT min(digest) FROM rungs)",
        "DELETE FROM record_objects WHERE object = (SELECT max(object) FROM record_objects)",
        "UPDATE record_objects SET object = object + 1 WHERE object = (SELECT max(object) FROM record_objects)",
        "UPDATE objects SET object = randomblob(32) WHERE number = (SELECT max(number) FROM objects)",
        "UPDATE objects SET state = 2 WHERE number = (SELECT max(number) FROM objects)",
    ];
    for edit in edits {
        let world = World::<H>::default();
        let state = State::new("l", "s", "t");
        world.saved(&main("1"), &state);
        assert_eq!(faulty(&world), [0_i64; 0], "before: {edit}");
        world.tamper(edit, [] as [Value; 0]);
        let found = faulty(&world);
        assert_eq!(found.len(), 1, "{edit}");
        assert_eq!(repair(&world, &[], &found).forgotten.len(), 1, "{edit}");
        assert_eq!(faulty(&world), [0_i64; 0], "after: {edit}");
        assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), None, "{edit}");
        // With another key, since the lineage of the old one may have been edited too.
        world.saved(&main("3"), &State::new("l", "anew", "anew"));
    }
}

/// Records in scopes that the caller may not read are none of its business, damaged or not.
pub fn audits_keep_to_their_scopes<H: Harness>() {
    let world = World::<H>::default();
    world.saved(&main("1"), &State::new("l", "s", "t"));
    let stranger = caller("9", &["pr:1"]);
    let audits = |world: &World<H>| {
        let numbers = block_on(world.service.audit_list(&stranger)).unwrap();
        numbers.into_iter().filter_map(|(number, _)| block_on(world.service.audit(&stranger, number)).unwrap()).count()
    };
    assert_eq!(audits(&world), 0);
    world.tamper("UPDATE records SET signature = randomblob(64)", []);
    assert_eq!(audits(&world), 0);
}

/// Wherever a repair is cut off: it can be repeated, and what is left is whole.
pub fn a_repair_that_fails_is_repeated<H: Harness>() {
    for done in [false, true] {
        for after in 0.. {
            let world = World::<H>::default();
            let (state, other) = (State::new("l", "s", "t"), State::new("l", "s2", "t2"));
            world.saved(&main("1"), &state);
            let sound = world.saved(&main("1"), &other);
            world.lose(&main("1"), &pack(&state));
            world.service.index().fail(Fault { after, done });
            let first = block_on(world.service.repair(&main("x").repository, &[pack(&state)], &[]));
            let finished = world.service.index().calm();
            assert_eq!(first.is_ok(), finished);
            repair(&world, &[pack(&state)], &[]);
            assert_eq!(listed(&world), [sound], "call {after}, done: {done}");
            world.gc(0);
            let again = world.saved(&main("2"), &state);
            assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), Some(again));
            if finished {
                break;
            }
        }
    }
}
