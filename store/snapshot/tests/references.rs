//! What has changed is stored against what it was.

#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Memory, listing, load, restore_tree, save_tree};
use sci_snapshot::{Base, Excludes, Manifest, SaveRequest, Saved, Silent, restore::reads, save, verify};
use sci_store_api::{ObjectId, ObjectSource, TransferError};

/// Words that compress to about a half, other ones for each seed.
fn words(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(|| format!("{:08x}-", next() as u32).into_bytes()).flatten().take(length).collect()
}

/// Changes a byte in every 2 KiB, so that no chunk stays what it was.
fn edited(mut content: Vec<u8>, mark: u8) -> Vec<u8> {
    content.chunks_mut(2 << 10).for_each(|chunk| chunk[chunk.len() / 2] = mark);
    content
}

/// A tree with one file of 2 MiB and some small ones.
fn tree(root: &Path) -> Vec<u8> {
    fs::create_dir_all(root.join("s-1")).unwrap();
    let graph = words(2 << 20, 1);
    fs::write(root.join("s-1/graph.bin"), &graph).unwrap();
    (0..20).for_each(|number| fs::write(root.join(number.to_string()), words(3_000, 100 + number)).unwrap());
    graph
}

fn first(dir: &Path) -> (Memory, Vec<u8>, Base) {
    let graph = tree(&dir.join("tree"));
    let store = Memory::default();
    let base = save_tree(&dir.join("tree"), None, &store).unwrap().into_base();
    (store, graph, base)
}

fn restored(saved: &Saved, store: &Memory, dir: &Path) {
    let out = dir.join("out");
    restore_tree(load(saved, store).unwrap(), &out, None, store).unwrap();
    assert_eq!(listing(&out), listing(&dir.join("tree")));
    fs::remove_dir_all(out).unwrap();
    let damage = verify::Verifier::default().verify(&load(saved, store).unwrap(), store).unwrap();
    assert!(damage.is_none(), "{damage:?}");
}

fn index(manifest: &Manifest, path: &str) -> u32 {
    let found = manifest.tree.entries().find(|(index, _)| manifest.tree.path(*index) == path.as_bytes());
    found.unwrap().0
}

#[test]
fn a_changed_file_takes_little() {
    let dir = tempfile::tempdir().unwrap();
    let (store, graph, base) = first(dir.path());
    let path = dir.path().join("tree/s-1/graph.bin");
    fs::write(&path, edited(graph.clone(), b'x')).unwrap();
    let saved = save_tree(&dir.path().join("tree"), Some(&base), &store).unwrap();
    assert!(saved.uploaded < 60 << 10, "{} bytes", saved.uploaded);
    restored(&saved, &store, dir.path());
    let manifest = load(&saved, &store).unwrap();
    let mut read = Vec::new();
    verify::read_file(&manifest, index(&manifest, "s-1/graph.bin"), &store, &mut read).unwrap();
    assert!(read == fs::read(&path).unwrap());
    // What it leans on is read once, with what lies around it.
    let ranges = reads(&manifest);
    let all: u64 = ranges.iter().map(|(_, range)| range.end - range.start).sum();
    assert!(all <= manifest.packs.iter().map(|pack| pack.size).sum(), "{ranges:?}");
    // The next one leans on the first again: never on what leans itself.
    fs::write(&path, edited(graph, b'y')).unwrap();
    let next = save_tree(&dir.path().join("tree"), Some(&saved.into_base()), &store).unwrap();
    assert!(next.uploaded < 60 << 10, "{} bytes", next.uploaded);
    restored(&next, &store, dir.path());
}

#[test]
fn a_file_under_a_new_name_takes_little() {
    let dir = tempfile::tempdir().unwrap();
    let (store, graph, base) = first(dir.path());
    let tree = dir.path().join("tree");
    // As compilers do, which keep what they wrote before.
    fs::create_dir(tree.join("s-2")).unwrap();
    fs::write(tree.join("s-2/graph.bin"), edited(graph, b'x')).unwrap();
    let saved = save_tree(&tree, Some(&base), &store).unwrap();
    assert!(saved.uploaded < 60 << 10, "{} bytes", saved.uploaded);
    restored(&saved, &store, dir.path());
}

fn save_with(dir: &Path, base: &Base, references: Option<&dyn ObjectSource>, store: &Memory) -> Saved {
    let request = SaveRequest {
        anchor: dir,
        root: &dir.join("tree"),
        excludes: &Excludes::default(),
        select: None,
        base: Some(base.clone()),
        references,
        inputs: Vec::new(),
        threads: 2,
        progress: &Silent,
    };
    save(request, store).unwrap()
}

/// A store that is gone.
#[derive(Default)]
struct Gone(AtomicU64);

impl ObjectSource for Gone {
    fn read(&self, object: &ObjectId, _: std::ops::Range<u64>) -> Result<Vec<u8>, TransferError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(TransferError::Missing { object: *object })
    }
}

#[test]
fn a_store_that_cannot_be_read_costs_room_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (store, graph, base) = first(dir.path());
    fs::write(dir.path().join("tree/s-1/graph.bin"), edited(graph, b'x')).unwrap();
    let gone = Gone::default();
    let saved = save_with(dir.path(), &base, Some(&gone), &store);
    assert!(saved.uploaded > 500 << 10, "{} bytes", saved.uploaded);
    assert_eq!(gone.0.load(Ordering::SeqCst), 1, "asked once, not for every block");
    restored(&saved, &store, dir.path());
    let without = save_with(dir.path(), &base, None, &store);
    assert_eq!(without.objects, saved.objects);
}

#[test]
fn what_is_gone_from_the_tree_stays_in_the_store_while_something_leans_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, graph, base) = first(dir.path());
    fs::write(dir.path().join("tree/s-1/graph.bin"), edited(graph, b'x')).unwrap();
    let saved = save_tree(&dir.path().join("tree"), Some(&base), &store).unwrap();
    let leant_on: Vec<ObjectId> = base.manifest.packs.iter().map(|pack| pack.id).collect();
    // Nothing else of them is needed any more.
    (0..20).for_each(|number| fs::remove_file(dir.path().join(format!("tree/{number}"))).unwrap());
    let last = save_tree(&dir.path().join("tree"), Some(&saved.into_base()), &store).unwrap();
    let cited: Vec<ObjectId> = last.objects.iter().map(|object| object.id).collect();
    assert!(leant_on.iter().all(|pack| cited.contains(pack)));
    store.0.lock().unwrap().retain(|object, _| cited.contains(object));
    restored(&last, &store, dir.path());
}

#[test]
fn damage_to_what_is_leant_on_is_blamed_on_it_and_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, graph, base) = first(dir.path());
    fs::write(dir.path().join("tree/s-1/graph.bin"), edited(graph, b'x')).unwrap();
    let saved = save_tree(&dir.path().join("tree"), Some(&base), &store).unwrap();
    let manifest = load(&saved, &store).unwrap();
    let pack = base.manifest.packs[0].id;
    let out = dir.path().join("out");
    let refused = |reason: &str| {
        let damage = verify::Verifier::default().verify(&manifest, &store).unwrap();
        assert!(damage.files.contains(&b"s-1/graph.bin"[..]), "{reason}: {damage:?}");
        assert!(damage.objects.iter().any(|(object, _)| *object == pack), "{reason}: {damage:?}");
        let error = restore_tree(manifest.clone(), &out, None, &store).unwrap_err();
        assert!(error.to_string().contains(&pack.to_string()), "{reason}: {error}");
        assert!(!out.exists());
    };
    let whole = store.0.lock().unwrap()[&pack].clone();
    let middle = whole.len() / 2;
    store.0.lock().unwrap().get_mut(&pack).unwrap()[middle] ^= 1;
    refused("a flipped bit");
    store.0.lock().unwrap().remove(&pack);
    refused("a lost pack");
    store.0.lock().unwrap().insert(pack, whole);
    assert!(verify::Verifier::default().verify(&manifest, &store).unwrap().is_none());
}
