//! Saves: acknowledged once and for ever, converging, and citing only what the saver may cite.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pollster::block_on;
use sci_service::Hold;
use sci_store_api::saves::{BeginSave, Committed};
use sci_store_api::{ErrorCode, ObjectId, ObjectKind, ObjectRef, SnapshotId};

use crate::world::{Harness, State, World, caller, code, main, path};

/// The same commit gets the same answer, also when the snapshot was forgotten since.
pub fn commit_is_idempotent<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    let answer = world.commit(&me, &save, &state).unwrap();
    world.clock.advance(5);
    assert_eq!(world.commit(&me, &save, &state).unwrap(), answer);
    let mut shuffled = state.commit();
    shuffled.objects.reverse();
    assert_eq!(block_on(world.service.commit_save(&me, save.save, &shuffled)).unwrap(), answer);
    block_on(world.service.forget(&me, &answer.snapshot())).unwrap();
    world.gc(0);
    assert_eq!(world.commit(&me, &save, &state).unwrap(), answer);
}

/// A commit that is repeated while the first is under way: both get one answer, whichever of their steps come first.
pub fn a_commit_sent_twice_has_one_answer<H: Harness>() {
    for settled in [true, false] {
        for after in 0.. {
            let world = Arc::new(World::<H>::default());
            let (me, mut state) = (main("1"), State::new("l", "s", "t"));
            if !settled {
                state = state.unsettled();
            }
            let save = world.begin(&me, &state, &[]).unwrap();
            world.put_all(&me, &save, &state).unwrap();
            let twin = Arc::new(OnceLock::new());
            let (other, said) = (Arc::clone(&world), Arc::clone(&twin));
            let (again, of) = (save.clone(), state.clone());
            world.service.index().before(after, move || {
                let _ = said.set(other.commit(&main("1"), &again, &of));
            });
            let answer = world.commit(&me, &save, &state).unwrap();
            assert!(matches!(answer, Committed::Saved { .. }), "{answer:?}");
            match twin.get() {
                Some(said) => assert_eq!(*said.as_ref().unwrap(), answer, "before call {after}"),
                None => break,
            }
        }
    }
}

/// The same save with another request is a conflict, and changes nothing.
pub fn another_request_conflicts<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    let answer = world.commit(&me, &save, &state).unwrap();
    let mut other = state.commit();
    other.files += 1;
    assert_eq!(code(block_on(world.service.commit_save(&me, save.save, &other))), ErrorCode::Conflict);
    assert_eq!(world.commit(&me, &save, &state).unwrap(), answer);
}

/// A second save of the same key and tree adds nothing.
pub fn same_key_converges<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&main("1"), &state);
    let again = world.save(&main("2"), &state, &[]).unwrap();
    assert_eq!(again, Committed::AlreadySaved { snapshot, nondeterministic: false });
}

/// Another tree under the same key, not grown from the snapshot that has it, is reported.
pub fn other_tree_is_nondeterministic<H: Harness>() {
    let world = World::<H>::default();
    let snapshot = world.saved(&main("1"), &State::new("l", "s", "t"));
    let again = world.save(&main("2"), &State::new("l", "s", "other"), &[]).unwrap();
    assert_eq!(again, Committed::AlreadySaved { snapshot, nondeterministic: true });
}

/// A tree that grew from the exact snapshot becomes its successor, which is exact from then on; an equal one does not.
pub fn base_with_another_tree_gets_a_successor<H: Harness>() {
    let world = World::<H>::default();
    let first = world.saved(&main("1"), &State::new("l", "s", "t"));
    let (me, grown) = (main("2"), State::new("l", "s", "grown"));
    assert_eq!(world.resolve(&me, &grown).verdict.snapshot(), Some(first));
    let same = world.save(&me, &State::new("l", "s", "t"), &[first]).unwrap();
    assert_eq!(same, Committed::AlreadySaved { snapshot: first, nondeterministic: false });
    let Committed::Saved { snapshot } = world.save(&me, &grown, &[first]).unwrap() else { panic!("not saved") };
    assert_eq!(world.resolve(&main("3"), &grown).verdict.snapshot(), Some(snapshot));
    assert_eq!(world.record(&me, &snapshot).parents, [first]);
}

/// An unsettled save does not stand in the way of a settled one, nor the other way round.
pub fn unsettled_is_kept_apart<H: Harness>() {
    let world = World::<H>::default();
    let unsettled = world.saved(&main("1"), &State::new("l", "s", "t").unsettled());
    let settled = world.saved(&main("2"), &State::new("l", "s", "t"));
    assert_ne!(unsettled, settled);
    let other = world.saved(&main("3"), &State::new("l", "s", "other").unsettled());
    assert_eq!(world.resolve(&main("4"), &State::new("l", "s", "t")).verdict.snapshot(), Some(settled));
    let again = world.save(&main("5"), &State::new("l", "s", "other").unsettled(), &[]).unwrap();
    assert_eq!(again, Committed::AlreadySaved { snapshot: other, nondeterministic: false });
}

/// Saves of one key at the same time converge on one snapshot.
pub fn two_at_once_converge<H: Harness>() {
    for _ in 0..8 {
        let world = World::<H>::default();
        let save = |run: usize| {
            let (me, state) = (main(&run.to_string()), State::new("l", "s", &format!("tree {}", run % 2)));
            world.save(&me, &state, &[]).unwrap()
        };
        let answers: Vec<Committed> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|run| scope.spawn(move || save(run))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let new = answers.iter().filter(|answer| matches!(answer, Committed::Saved { .. })).count();
        assert_eq!(new, 1, "{answers:?}");
        let snapshot = answers[0].snapshot();
        assert!(answers.iter().all(|answer| answer.snapshot() == snapshot), "{answers:?}");
    }
}

/// The beginning tells who saves the same key, and what is there already.
pub fn begin_tells_of_others<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let first = world.begin(&main("1"), &state, &[]).unwrap();
    assert_eq!((first.saving, first.existing), (None, None));
    let second = world.begin(&main("2"), &state, &[]).unwrap();
    assert_eq!(second.saving, Some("1".parse().unwrap()));
    world.put_all(&main("2"), &second, &state).unwrap();
    let snapshot = world.commit(&main("2"), &second, &state).unwrap().snapshot();
    assert_eq!(world.begin(&main("3"), &state, &[]).unwrap().existing, Some(snapshot));
    world.resolve(&main("4"), &state);
    assert_eq!(world.begin(&main("4"), &state, &[snapshot]).unwrap().existing, None);
}

/// A repeated beginning finds its save; the same nonce for another key is a conflict.
pub fn begin_is_idempotent<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let nonce = world.nonce();
    let key = state.ladder().key();
    let request = BeginSave { nonce, path: path(), instance: "target".parse().unwrap(), key, bases: Vec::new() };
    let first = block_on(world.service.begin_save(&me, &request)).unwrap();
    assert_eq!(block_on(world.service.begin_save(&me, &request)).unwrap(), first);
    let other = BeginSave { key: State::new("l", "s2", "t").ladder().key(), ..request.clone() };
    assert_eq!(code(block_on(world.service.begin_save(&me, &other))), ErrorCode::Conflict);
    let elsewhere = block_on(world.service.begin_save(&caller("1", &["pr:1"]), &request)).unwrap();
    assert_ne!(elsewhere.save, first.save);
}

/// An object that the save did not upload and that was not served to the run is refused as an unknown one is.
pub fn foreign_objects_cannot_be_cited<H: Harness>() {
    let world = World::<H>::default();
    let theirs = State::new("l", "s", "theirs");
    world.saved(&main("1"), &theirs);
    let mut stranger = main("2");
    stranger.repository = "stranger".parse().unwrap();
    let state = State::new("l", "s2", "mine");
    let cite = |bytes: &[u8]| ObjectRef { id: ObjectId::of(bytes), size: bytes.len() as u64, kind: ObjectKind::Pack };
    for me in [main("2"), caller("2", &["pr:1", "trusted:refs/heads/main"]), stranger] {
        let save = world.begin(&me, &state, &[]).unwrap();
        world.put_all(&me, &save, &state).unwrap();
        let answers = [theirs.objects()[0].1.clone(), Bytes::from_static(b"nobody has this")].map(|bytes| {
            let mut commit = state.commit();
            commit.objects.push(cite(&bytes));
            block_on(world.service.commit_save(&me, save.save, &commit)).unwrap_err()
        });
        assert_eq!(answers[0].to_wire(), answers[1].to_wire());
        assert_eq!(answers[0].code(), ErrorCode::UnknownObject);
        world.commit(&me, &save, &state).unwrap();
    }
}

/// Announcing an object without having its bytes gives no right to it.
pub fn unverified_upload_cannot_be_cited<H: Harness>() {
    let world = World::<H>::default();
    let theirs = State::new("l", "s", "theirs");
    world.saved(&main("1"), &theirs);
    let pack = theirs.objects()[0].1.clone();
    let (me, state) = (caller("2", &["pr:1"]), State::new("l", "s2", "mine"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    let forged = Bytes::from(vec![0; pack.len()]);
    let put = world.service.put_object(&me, Hold::Save(save.save), ObjectId::of(&pack), pack.len() as u64, forged);
    assert_eq!(code(block_on(put)), ErrorCode::WrongContent);
    assert_eq!(code(world.read(&me, &ObjectId::of(&pack))), ErrorCode::UnknownObject);
    let mut commit = state.commit();
    commit.objects.push(ObjectRef { id: ObjectId::of(&pack), size: pack.len() as u64, kind: ObjectKind::Pack });
    assert_eq!(code(block_on(world.service.commit_save(&me, save.save, &commit))), ErrorCode::UnknownObject);
    assert_eq!(world.read(&main("3"), &ObjectId::of(&pack)).unwrap(), pack);
}

/// A size that is not the object's is refused, and so is a record without its manifest.
pub fn sizes_must_be_true<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put_all(&me, &save, &state).unwrap();
    let mut sizes = state.commit();
    sizes.objects[0].size += 1;
    let mut manifest = state.commit();
    manifest.manifest = manifest.derivation;
    let mut twice = state.commit();
    twice.objects.push(twice.objects[0]);
    for bad in [sizes, manifest, twice] {
        assert_eq!(code(block_on(world.service.commit_save(&me, save.save, &bad))), ErrorCode::Invalid);
    }
    world.commit(&me, &save, &state).unwrap();
}

/// A settled save has the key that was planned before the run; an unsettled one may have another.
pub fn settled_needs_its_key<H: Harness>() {
    let world = World::<H>::default();
    let (me, planned, changed) = (main("1"), State::new("l", "s", "t"), State::new("l", "s2", "t"));
    let save = world.begin(&me, &planned, &[]).unwrap();
    world.put_all(&me, &save, &changed).unwrap();
    assert_eq!(code(world.commit(&me, &save, &changed)), ErrorCode::Invalid);
    let snapshot = world.commit(&me, &save, &changed.clone().unsettled()).unwrap().snapshot();
    assert_eq!(world.record(&me, &snapshot).key, changed.ladder().key());
}

/// A save belongs to its run and scope at every call; who may not write cannot begin.
pub fn scope_is_checked_again<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let pr = caller("1", &["pr:1"]);
    let save = world.begin(&pr, &state, &[]).unwrap();
    world.put_all(&pr, &save, &state).unwrap();
    for other in [main("1"), caller("2", &["pr:1"]), caller("1", &["pr:2"])] {
        assert_eq!(code(world.commit(&other, &save, &state)), ErrorCode::NotFound);
    }
    let mut reader = main("3");
    reader.scope_write = None;
    assert_eq!(code(world.begin(&reader, &state, &[])), ErrorCode::Forbidden);
    let snapshot = world.commit(&pr, &save, &state).unwrap().snapshot();
    assert_eq!(world.record(&pr, &snapshot).scope, "pr:1".parse().unwrap());
}

/// A snapshot that lost an object does not keep the next save of its key from being stored.
pub fn unrestorable_snapshot_is_replaced<H: Harness>() {
    let world = World::<H>::default();
    let (me, state) = (main("1"), State::new("l", "s", "t"));
    let broken = world.saved(&me, &state);
    world.lose(&me, &ObjectId::of(&state.objects()[0].1));
    let other = State::new("l", "s", "other");
    let Committed::Saved { snapshot } = world.save(&main("2"), &other, &[]).unwrap() else { panic!("not saved") };
    assert_ne!(snapshot, broken);
    assert_eq!(world.resolve(&main("3"), &state).verdict.snapshot(), Some(snapshot));
}

/// Only what was served to the run is a base.
pub fn bases_must_be_served<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&main("1"), &state);
    assert_eq!(code(world.begin(&main("2"), &state, &[snapshot])), ErrorCode::NotFound);
    assert_eq!(code(world.begin(&main("2"), &state, &[SnapshotId::of(b"x")])), ErrorCode::NotFound);
    world.resolve(&main("2"), &state);
    world.begin(&main("2"), &state, &[snapshot]).unwrap();
}
