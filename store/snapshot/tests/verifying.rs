//! Snapshots are read whole, and what they share once.

#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::ops::Range;
use std::sync::Mutex;

use common::{Memory, load, noise, save_tree};
use sci_snapshot::verify::Verifier;
use sci_store_api::{ObjectId, ObjectSource, TransferError};

/// Keeps which objects are read.
struct Counting<'a> {
    store: &'a Memory,
    read: Mutex<Vec<ObjectId>>,
}

impl ObjectSource for Counting<'_> {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        self.read.lock().unwrap().push(*object);
        self.store.read(object, range)
    }
}

#[test]
fn a_pack_is_read_once_for_all_snapshots_that_share_it_and_never_believed_of_another_claim() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    common::write(&dir.path().join("old"), &noise(1 << 20, 1));
    let first = save_tree(dir.path(), None, &store).unwrap();
    let base = save_tree(dir.path(), None, &store).unwrap().into_base();
    common::write(&dir.path().join("new"), &noise(1 << 20, 2));
    let second = save_tree(dir.path(), Some(&base), &store).unwrap();
    let (first, second) = (load(&first, &store).unwrap(), load(&second, &store).unwrap());
    let (old, new) = (first.packs[0].id, second.packs.iter().find(|pack| pack.id != first.packs[0].id).unwrap().id);

    let counting = Counting { store: &store, read: Mutex::default() };
    let mut verifier = Verifier::default();
    let mut read_for = |manifest| {
        let damage = verifier.verify(manifest, &counting).unwrap();
        (std::mem::take(&mut *counting.read.lock().unwrap()), damage)
    };
    assert_eq!(read_for(&first).0, [old]);
    assert_eq!(read_for(&second).0, [new]);
    let (read, damage) = read_for(&second);
    assert!(read.is_empty() && damage.is_none(), "{read:?} {damage:?}");

    // Another claim of the same pack is another thing to check.
    let mut false_claim = first.clone();
    false_claim.blocks[0].length -= 1;
    let (read, damage) = read_for(&false_claim);
    assert_eq!((read, damage.objects[0].0), (vec![old], old));
    assert!(damage.files.contains(&b"old"[..]));

    // What was damaged is read again for each that needs it.
    store.0.lock().unwrap().get_mut(&new).unwrap()[9] ^= 1;
    let mut verifier = Verifier::default();
    for _ in 0..2 {
        let damage = verifier.verify(&second, &store).unwrap();
        assert_eq!(damage.objects[0].0, new, "{damage:?}");
        assert!(damage.files.contains(&b"new"[..]) && !damage.files.contains(&b"old"[..]));
    }
}
