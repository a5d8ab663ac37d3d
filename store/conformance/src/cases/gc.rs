//! Collection: it removes what nothing needs, late enough, and never what a record cites.

use std::sync::Arc;

use bytes::Bytes;
use pollster::block_on;
use sci_service::{Clock, Hold};
use sci_store_api::admin::{DAY, GcObject, GcPolicy, Held};
use sci_store_api::saves::Committed;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{ErrorCode, ObjectId, UnixMillis};

use crate::world::{Harness, State, World, caller, code, main};

fn object(bytes: &Bytes) -> GcObject {
    GcObject { id: ObjectId::of(bytes), size: bytes.len() as u64 }
}

fn objects(state: &State) -> Vec<GcObject> {
    let mut objects: Vec<GcObject> = state.objects().iter().map(|(_, bytes)| object(bytes)).collect();
    objects.sort();
    objects
}

fn sorted(mut objects: Vec<GcObject>) -> Vec<GcObject> {
    objects.sort();
    objects
}

/// What nothing needs goes after its grace, counted from the first collection that saw it.
pub fn waits_for_grace<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let snapshot = world.saved(&me, &state);
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    world.clock.advance(10 * DAY);
    let report = world.gc(DAY);
    assert_eq!((report.deleted.len(), report.marked), (0, 3));
    let bytes = objects(&state).iter().map(|object| object.size).sum();
    let waiting = Held { objects: 3, bytes, until: Some(UnixMillis(world.clock.now().0 + DAY)) };
    assert_eq!((report.waiting, report.leased), (waiting, Held::default()));
    world.clock.advance(DAY - 1);
    assert_eq!(world.gc(DAY).deleted, []);
    let plan = block_on(world.service.plan_gc(None, &GcPolicy::default())).unwrap();
    assert_eq!((plan.waiting, plan.mark.len()), (waiting, 0), "its time runs since the first collection that saw it");
    world.clock.advance(1);
    assert_eq!(sorted(world.gc(DAY).deleted), objects(&state));
    assert_eq!(world.gc(DAY).deleted, []);
}

/// What a record cites stays; an object that two snapshots share goes with the last.
pub fn keeps_what_is_needed<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let (one, two) = (State::new("l", "s", "shared"), State::new("l", "s2", "shared"));
    let first = world.saved(&me, &one);
    world.saved(&me, &two);
    block_on(world.service.forget(&me, &first)).unwrap();
    let report = world.gc(0);
    assert_eq!(report.deleted, [object(&one.objects()[2].1)], "only its derivation is its own");
    assert!(world.resolve(&main("2"), &two).verdict.snapshot().is_some());
}

/// A snapshot that was served is kept for its run, and may be cited, although it was forgotten.
pub fn leases_outlive_forgetting<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("2"), State::new("l", "s", "t"));
    let snapshot = world.saved(&main("1"), &state);
    world.resolve(&me, &state);
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), None);
    assert_eq!(world.gc(0).deleted, []);
    let save = world.begin(&me, &state, &[snapshot]).unwrap();
    let again = world.commit(&me, &save, &state).unwrap();
    assert!(matches!(again, Committed::Saved { .. }), "the objects of a leased snapshot may be cited");
    world.clock.advance(2 * DAY);
    assert_eq!(world.gc(0).deleted, [], "the new snapshot cites the same objects");
}

/// What a save in flight has put stays as long as it shows signs of life.
pub fn saves_in_flight_are_kept<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    for (_, bytes) in state.objects() {
        world.put(&me, Hold::Save(save.save), &bytes).unwrap();
        world.clock.advance(DAY - 1);
        assert_eq!(world.gc(DAY).deleted, []);
    }
    world.commit(&me, &save, &state).unwrap();
}

/// A save without a sign of life is given up: its objects go, and its commit fails.
pub fn abandoned_saves_end<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    world.clock.advance(DAY + 1);
    world.gc(DAY);
    assert_eq!(code(world.commit(&me, &save, &state)), ErrorCode::NotFound);
    world.clock.advance(DAY);
    assert_eq!(sorted(world.gc(DAY).deleted), objects(&state));
    world.saved(&me, &state);
}

/// An object that is put again between its dooming and its deletion survives.
pub fn put_during_deletion_survives<H: Harness>() {
    let world = Arc::new(World::<H>::default());
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let snapshot = world.saved(&me, &state);
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    let racing = Arc::clone(&world);
    let again = state.clone();
    world.service.blobs().before_delete(move || {
        racing.saved(&main("2"), &again);
    });
    assert_eq!(world.gc(0).deleted.len(), 3);
    for (_, bytes) in state.objects() {
        assert_eq!(world.read(&me, &ObjectId::of(&bytes)).unwrap(), bytes);
    }
    assert!(world.resolve(&main("3"), &state).verdict.snapshot().is_some());
    assert_eq!(world.gc(0).deleted, []);
}

/// A save that is given up while one of its objects arrives is told to begin again, and can.
pub fn abandoned_during_put_is_retryable<H: Harness>() {
    let world = Arc::new(World::<H>::default());
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    let racing = Arc::clone(&world);
    world.service.blobs().before_put(move || {
        racing.clock.advance(DAY);
        racing.gc(0);
    });
    let put = world.put_all(&me, &save, &state).unwrap_err();
    assert_eq!(put.code(), ErrorCode::Retry);
    assert_eq!(code(world.commit(&me, &save, &state)), ErrorCode::NotFound);
    world.saved(&me, &state);
}

/// What a base held and was collected meanwhile cannot be cited any more: the commit fails, and no record is made.
pub fn collected_base_cannot_be_cited<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("2"), State::new("l", "s", "t"));
    let snapshot = world.saved(&main("1"), &state);
    world.resolve(&me, &state);
    let save = world.begin(&me, &state, &[snapshot]).unwrap();
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    world.clock.advance(2 * DAY);
    let alive = Bytes::from_static(b"a sign of life");
    world.put(&me, Hold::Save(save.save), &alive).unwrap();
    assert_eq!(world.gc(0).deleted.len(), 3);
    assert_eq!(code(world.commit(&me, &save, &state)), ErrorCode::UnknownObject);
    world.put_all(&me, &save, &state).unwrap();
    world.commit(&me, &save, &state).unwrap();
}

/// A save of what a base held, while whose commit the base is forgotten, its lease ends and a collection runs.
fn commit_racing_gc<H: Harness>(grace: u64) -> (Arc<World<H>>, State, Result<Committed, sci_service::Error>) {
    let world = Arc::new(World::<H>::default());
    let (me, state) = (main("2"), State::new("l", "s", "t"));
    let base = world.saved(&main("1"), &state);
    world.resolve(&me, &state);
    let grown = State::new("l", "s2", "t");
    let save = world.begin(&me, &grown, &[base]).unwrap();
    world.put(&me, Hold::Save(save.save), &grown.objects()[2].1).unwrap();
    let racing = Arc::clone(&world);
    world.service.blobs().before_flush(move || {
        block_on(racing.service.forget(&main("1"), &base)).unwrap();
        racing.clock.advance(2 * DAY);
        racing.put(&main("2"), Hold::Save(save.save), &Bytes::from_static(b"a sign of life")).unwrap();
        racing.gc(grace);
    });
    let committed = world.commit(&me, &save, &grown);
    (world, grown, committed)
}

/// What is collected between a commit's look at its objects and its batch makes the commit fail.
pub fn collected_during_commit_is_refused<H: Harness>() {
    let (world, state, committed) = commit_racing_gc::<H>(0);
    assert_eq!(code(committed), ErrorCode::UnknownObject);
    let page = block_on(world.service.snapshots(&main("x"), &SnapshotQuery::default())).unwrap();
    assert_eq!(page.snapshots, []);
    world.saved(&main("2"), &state);
}

/// An object that was marked and is cited after all has a whole new time of grace when it is given up again.
pub fn grace_begins_anew<H: Harness>() {
    let (world, state, committed) = commit_racing_gc::<H>(DAY);
    block_on(world.service.forget(&main("1"), &committed.unwrap().snapshot())).unwrap();
    world.clock.advance(5 * DAY);
    let deleted = world.gc(DAY).deleted;
    assert!(objects(&state).iter().all(|object| !deleted.contains(object)), "only the base's own derivation goes");
    world.clock.advance(DAY);
    let deleted = world.gc(DAY).deleted;
    assert!(objects(&state).iter().all(|object| deleted.contains(object)));
}

/// The policy keeps the newest of each path instance and scope, and what is young enough, of one repository.
pub fn policy_prunes_per_place<H: Harness>() {
    let world = World::<H>::default();
    let mut stranger = main("9");
    stranger.repository = "stranger".parse().unwrap();
    let mut kept = Vec::new();
    for number in 0..4 {
        let source = ["a", "b", "c", "d"][number];
        for me in [main("1"), caller("1", &["pr:1"])] {
            let snapshot = world.saved(&me, &State::new("l", source, source));
            let elsewhere = State { instance: "web/target", ..State::new("l", source, source) };
            let other = world.saved(&me, &elsewhere);
            if number >= 2 {
                kept.extend([snapshot, other]);
            }
        }
        world.saved(&stranger, &State::new("l", source, source));
    }
    let policy = GcPolicy { grace: 0, keep_newest: Some(2), max_age: None, ..GcPolicy::default() };
    let repository = main("1").repository;
    let report = block_on(world.service.gc(Some(&repository), &policy)).unwrap();
    assert_eq!(report.forgotten.len(), 8);
    let list = |me| block_on(world.service.snapshots(&me, &SnapshotQuery::default())).unwrap().snapshots;
    let mut found: Vec<_> =
        list(caller("x", &["pr:1", "trusted:refs/heads/main"])).iter().map(|summary| summary.snapshot).collect();
    found.sort();
    kept.sort();
    assert_eq!(found, kept);
    assert_eq!(list(stranger).len(), 4);
    world.clock.advance(DAY);
    let young = world.saved(&main("1"), &State::new("l", "young", "young"));
    let policy = GcPolicy { grace: 0, keep_newest: None, max_age: Some(DAY / 2), ..GcPolicy::default() };
    block_on(world.service.gc(Some(&repository), &policy)).unwrap();
    let left = list(main("x"));
    assert_eq!(left.iter().map(|summary| summary.snapshot).collect::<Vec<_>>(), [young]);
}

/// The plan of a collection is what the collection then does.
pub fn plan_tells_what_gc_does<H: Harness>() {
    let world = World::<H>::default();
    for (number, source) in ["a", "b", "c"].into_iter().enumerate() {
        world.saved(&main(&number.to_string()), &State::new("l", source, source));
    }
    let leased = State::new("l", "a", "a");
    world.resolve(&main("reader"), &leased);
    let policy = GcPolicy { grace: 0, keep_newest: Some(1), max_age: None, ..GcPolicy::default() };
    let plan = block_on(world.service.plan_gc(None, &policy)).unwrap();
    let report = block_on(world.service.gc(None, &policy)).unwrap();
    assert_eq!(report.forgotten, plan.forget);
    assert_eq!(plan.forget.len(), 2);
    assert_eq!(sorted(report.deleted), plan.delete);
    assert_eq!(plan.delete, objects(&State::new("l", "b", "b")), "the leased one stays");
    let bytes = objects(&leased).iter().map(|object| object.size).sum();
    let until = Some(UnixMillis(world.clock.now().0 + DAY));
    assert_eq!(plan.leased, Held { objects: 3, bytes, until });
    assert_eq!((report.leased, report.waiting), (plan.leased, plan.waiting));
    assert!(plan.freed_bytes() > 0);
    let next = block_on(world.service.plan_gc(None, &policy)).unwrap();
    assert_eq!((next.forget.len(), next.delete.len(), next.mark.len()), (0, 0, 0));
}

/// A collection that was cut off between dooming and deleting is finished by the next, and hinders nobody meanwhile.
pub fn interrupted_gc_is_resumed<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let snapshot = world.saved(&me, &state);
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    world.tamper("DELETE FROM record_objects", []);
    world.tamper("UPDATE objects SET state = 2", []);
    let again = world.saved(&main("2"), &state);
    assert_eq!(sorted(world.gc(DAY).deleted), objects(&state));
    assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), Some(again));
    for (_, bytes) in state.objects() {
        assert_eq!(world.read(&me, &ObjectId::of(&bytes)).unwrap(), bytes);
    }
}

/// A host that must not work for long deletes some objects at a time, and each object once.
pub fn bounded_gc_goes_on<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let snapshot = world.saved(&me, &state);
    block_on(world.service.forget(&me, &snapshot)).unwrap();
    let collect = |most| {
        let policy = GcPolicy { grace: 0, ..GcPolicy::default() };
        block_on(world.service.gc_at_most(None, &policy, most)).unwrap().deleted
    };
    let deleted: Vec<_> = (0..state.objects().len()).flat_map(|_| collect(1)).collect();
    assert_eq!(collect(1), []);
    assert_eq!(sorted(deleted), objects(&state));
}
