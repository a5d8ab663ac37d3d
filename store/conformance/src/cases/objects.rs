//! Objects: what is put is what is read, and what is not put does not exist.

use bytes::Bytes;
use pollster::block_on;
use sci_service::Hold;
use sci_store_api::{ErrorCode, ObjectId, SaveId};

use crate::world::{Harness, State, World, caller, code, main};

/// A body with another SHA-256 is refused, and leaves nothing that could be read.
pub fn wrong_hash_is_refused<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let save = world.begin(&me, &State::new("l", "s", "t"), &[]).unwrap();
    let id = ObjectId::of(b"right");
    let put = world.service.put_object(&me, Hold::Save(save.save), id, 5, Bytes::from_static(b"wrong"));
    assert_eq!(code(block_on(put)), ErrorCode::WrongContent);
    assert_eq!(code(world.read(&me, &id)), ErrorCode::UnknownObject);
}

/// A body that is shorter or longer than announced is refused.
pub fn wrong_size_is_refused<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let save = world.begin(&me, &State::new("l", "s", "t"), &[]).unwrap();
    let id = ObjectId::of(b"right");
    for size in [4, 6, u64::MAX] {
        let put = world.service.put_object(&me, Hold::Save(save.save), id, size, Bytes::from_static(b"right"));
        assert!(matches!(code(block_on(put)), ErrorCode::WrongContent | ErrorCode::Invalid), "size {size}");
        assert_eq!(code(world.read(&me, &id)), ErrorCode::UnknownObject);
    }
}

/// The same object may be put again and again, by any save.
pub fn put_is_idempotent<H: Harness>() {
    let world = World::<H>::default();
    let bytes = Bytes::from_static(b"twice");
    for run in ["1", "2"] {
        let me = main(run);
        let save = world.begin(&me, &State::new("l", "s", "t"), &[]).unwrap();
        for _ in 0..2 {
            world.put(&me, Hold::Save(save.save), &bytes).unwrap();
            assert_eq!(world.read(&me, &ObjectId::of(&bytes)).unwrap(), bytes);
        }
    }
}

/// A range gives its bytes and no others; one beyond the end is refused.
pub fn ranges_are_exact<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let save = world.begin(&me, &State::new("l", "s", "t"), &[]).unwrap();
    let bytes: Bytes = (0..=255).cycle().take(700_001).collect::<Vec<u8>>().into();
    world.put(&me, Hold::Save(save.save), &bytes).unwrap();
    let id = ObjectId::of(&bytes);
    for (start, end) in [(0, 0), (0, 1), (255, 257), (262_143, 262_145), (700_000, 700_001), (0, 700_001)] {
        let found = world.read_range(&me, &id, start..end).unwrap();
        assert_eq!(found, bytes.slice(start as usize..end as usize));
    }
    for (start, end) in [(0, 700_002), (700_002, 700_002), (5, 4), (u64::MAX, 0)] {
        assert_eq!(code(world.read_range(&me, &id, start..end)), ErrorCode::Invalid);
    }
}

/// An object that another may read gets the same answer as one that nobody has.
pub fn unknown_and_foreign_are_the_same<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    world.saved(&main("1"), &state);
    let foreign = ObjectId::of(&state.objects()[0].1);
    let mut stranger = main("9");
    stranger.repository = "stranger".parse().unwrap();
    for reader in [stranger, caller("9", &["pr:1"])] {
        let found = world.read(&reader, &foreign).unwrap_err();
        let unknown = world.read(&reader, &ObjectId::of(b"nobody has this")).unwrap_err();
        assert_eq!(found.to_wire(), unknown.to_wire());
        assert_eq!(found.code(), ErrorCode::UnknownObject);
    }
}

/// Objects are put into a save that the caller's own run began.
pub fn put_needs_the_callers_save<H: Harness>() {
    let world = World::<H>::default();
    let save = world.begin(&main("1"), &State::new("l", "s", "t"), &[]).unwrap();
    let bytes = Bytes::from_static(b"x");
    assert_eq!(code(world.put(&main("2"), Hold::Save(save.save), &bytes)), ErrorCode::NotFound);
    let unknown = Hold::Save(SaveId::of(b"unknown"));
    assert_eq!(code(world.put(&main("1"), unknown, &bytes)), ErrorCode::NotFound);
}

/// A blob that has gone behind the index's back is there again after the next put of its object.
pub fn lost_object_is_healed_by_put<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let state = State::new("l", "s", "t");
    let snapshot = world.saved(&me, &state);
    let pack = &state.objects()[0].1;
    world.lose(&me, &ObjectId::of(pack));
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), None);
    let save = world.begin(&me, &state, &[]).unwrap();
    world.put(&me, Hold::Save(save.save), pack).unwrap();
    assert_eq!(world.resolve(&main("2"), &state).verdict.snapshot(), Some(snapshot));
}
