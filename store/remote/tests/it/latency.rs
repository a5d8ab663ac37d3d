//! A store that is far away: what counts is how many requests there are, and how many of them at once.

use std::fs;
use std::path::Path;

use sci_conformance::state::State;
use sci_remote::Remote;
use sci_snapshot::{Base, Excludes, Manifest, PackRef, RestoreRequest, SaveRequest, Saved, Silent};
use sci_store_api::{Object, ObjectSink, TransferError};

use crate::storage::Storage;

/// Milliseconds to the store and back.
const AWAY: u64 = 40;

/// Stores each object before it goes on, and needs no commit.
struct Sink<'a>(&'a Remote);

impl ObjectSink for Sink<'_> {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        let id = object.id();
        let put = self.0.put_derivation(&object.into_bytes());
        put.map(drop).map_err(|error| TransferError::Failed { object: id, reason: error.to_string() })
    }
}

/// About so many bytes that compress as sources do: the half of them is noise.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 32).to_le_bytes());
    }
    bytes
}

fn write(root: &Path, file: u64, version: u64) {
    let path = root.join(format!("{}/{}/{file}", file / 1_000, file / 50 % 20));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content(file << 20 | version, 500 + (file * 7_919 % 4_000) as usize)).unwrap();
}

fn save(root: &Path, base: Option<Base>, sink: &dyn ObjectSink) -> Saved {
    let request = SaveRequest {
        anchor: root.parent().unwrap(),
        root,
        excludes: &Excludes::default(),
        select: None,
        base,
        references: None,
        inputs: Vec::new(),
        threads: 0,
        progress: &Silent,
    };
    sci_snapshot::save(request, sink).unwrap()
}

/// What a restore took.
#[derive(Debug)]
struct Took {
    requests: u64,
    /// How often the way was gone one time after the other.
    rounds: u64,
    at_once: u64,
    bytes: u64,
}

/// Restores into an empty directory over the long way.
fn restore(storage: &Storage, remote: &Remote, root: &Path, saved: &Saved) -> Took {
    storage.distance.set(AWAY);
    storage.heard();
    storage.distance.rounds();
    storage.at_once();
    let permitted: Vec<PackRef> = saved.objects.iter().copied().map(PackRef::from).collect();
    let manifest = Manifest::load(&saved.manifest, &permitted, remote).unwrap();
    let request = RestoreRequest {
        anchor: root.parent().unwrap(),
        root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 0,
        progress: &Silent,
    };
    let restored = sci_snapshot::restore(request, remote).unwrap();
    assert_eq!(restored.files, saved.files);
    storage.distance.set(0);
    let heard = storage.heard();
    let ranges = heard.iter().filter_map(|heard| heard.header("range")?.strip_prefix("bytes=")?.split_once('-'));
    let number = |text: &str| text.parse::<u64>().unwrap();
    let bytes = ranges.map(|(first, last)| number(last) + 1 - number(first)).sum();
    let (rounds, at_once) = (storage.distance.rounds(), storage.at_once());
    Took { requests: heard.len() as u64, rounds, at_once, bytes }
}

/// Restores after the first save and after so many more, each of which changes a hundredth of the files: those that `changed`
/// gives for a version and a number.
fn far_away(files: u64, saves: u64, changed: impl Fn(u64, u64) -> u64) -> Took {
    let storage = Storage::default();
    let remote = storage.main();
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    (0..files).for_each(|file| write(&tree, file, 0));
    let mut saved = save(&tree, None, &Sink(&remote));
    // Each has a directory of its own: where many files were just deleted, some file systems are slow to make new ones.
    let mut restores = vec![restore(&storage, &remote, &directory.path().join("first"), &saved)];
    for version in 1..=saves {
        (0..files / 100).for_each(|number| write(&tree, changed(version, number) % files, version));
        saved = save(&tree, Some(saved.into_base()), &Sink(&remote));
    }
    restores.push(restore(&storage, &remote, &directory.path().join("last"), &saved));
    for took in &restores {
        println!("{took:?}");
        assert!(took.requests <= took.bytes / (2 << 20) + 20, "{took:?}");
        // The manifest, the earlier ones that it leans on, and the blocks, as many at once as there may be.
        assert!(took.at_once <= 16, "{took:?}");
        assert!(took.rounds <= 2 + took.requests.div_ceil(16), "{took:?}");
    }
    restores.remove(1)
}

/// Files all over the tree.
const fn scattered(version: u64, number: u64) -> u64 {
    number * 101 + version * 37
}

#[test]
fn a_restore_takes_few_requests() {
    far_away(3_000, 12, scattered);
}

#[test]
fn a_manifest_that_leans_on_many_is_read_in_two_rounds() {
    // Each save changes neighbours elsewhere, so each of the last ones has a part of the manifest that is still good.
    let took = far_away(6_000, 12, |version, number| version * 500 + number);
    assert!(took.requests > 8, "{took:?}");
}

#[test]
#[ignore = "takes minutes: 30,000 files saved a hundred times; cargo test --release -p sci-remote -- --ignored"]
fn a_large_tree_after_a_hundred_saves_takes_few_requests() {
    far_away(30_000, 100, scattered);
}

#[test]
fn packs_are_sent_while_the_tree_is_read() {
    let storage = Storage::default();
    let remote = storage.main();
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for number in 0..6 {
        fs::write(tree.join(format!("{number}")), content(number, 12 << 20)).unwrap();
    }
    let state = State::new("l", "s", "tree");
    let sink = storage.begin(&remote, &state);
    storage.distance.set(1_000);
    storage.heard();
    storage.at_once();
    let saved = save(&tree, None, &sink);
    sink.commit(&state.commit()).unwrap_err();
    let puts = storage.heard().iter().filter(|heard| heard.method == "PUT").count();
    assert_eq!(puts, saved.objects.len());
    assert!((2..=4).contains(&storage.at_once()));
}
