//! A store whose objects rot and whose rows are exchanged, behind a real server, read by the real client.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use sci_conformance::state::State;
use sci_native::NoBuckets;
use sci_remote::{Address, Error, Remote, Settings, Token, Wanted};
use sci_serve::{Limits, Order, run_until};
use sci_snapshot::{Excludes, Manifest, PackRef, RestoreRequest, SaveRequest, Silent, SnapshotError, restore, save};
use sci_store_api::saves::CommitSave;
use sci_store_api::{Object, ObjectId, ObjectKind, ObjectRef, ObjectSink as _, PathName, Secret};
use tempfile::TempDir;

use super::backend::token;
use crate::sandbox::Sandbox;

/// Objects of which one bit is flipped.
const OBJECTS: usize = 1_000;

/// A server over the store of a sandbox, and a client of it.
struct Served {
    remote: Remote,
    stop: tokio::sync::mpsc::UnboundedSender<Order>,
    server: Option<JoinHandle<()>>,
}

impl Served {
    fn start(sandbox: &Sandbox, token: &str) -> Self {
        let settings = sci_serve::Settings {
            store: sandbox.beside("state/store"),
            objects: None,
            connect: Arc::new(NoBuckets),
            listen: ([127, 0, 0, 1], 0).into(),
            metrics_listen: None,
            url: "https://sci.example".to_owned(),
            issuers: None,
            tls: None,
            collect: None,
            limits: Limits::default(),
            version: "0.0.0".to_owned(),
        };
        let (stop, orders) = tokio::sync::mpsc::unbounded_channel();
        let (tell, told) = channel();
        let serve = move || run_until(&settings, || Ok(orders), |address| tell.send(address).unwrap()).unwrap();
        let server = Some(std::thread::spawn(serve));
        let address = Address::new(&format!("http://{}", told.recv().unwrap()), false).unwrap();
        let identity = Token::new(Secret::new(token.to_owned()), "the test's");
        let wanted = Wanted { repository: Some("1001".parse().unwrap()), run: None };
        let remote = Remote::new(address, Settings::default(), Box::new(identity), wanted).unwrap();
        Self { remote, stop, server }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has stopped hears nothing.
        let _ = self.stop.send(Order::Stop);
        let _ = self.server.take().map(JoinHandle::join);
    }
}

/// What a record says of one snapshot.
struct Kept {
    manifest: ObjectId,
    derivation: ObjectId,
    packs: Vec<PackRef>,
}

/// Saves a tree of its own under each number, with the engine and through the server, until there are enough objects.
fn fill(remote: &Remote, scratch: &Path, objects: usize) -> HashMap<ObjectId, Arc<Kept>> {
    let mut kept = HashMap::new();
    for number in 0.. {
        if kept.len() >= objects {
            break;
        }
        let root = scratch.join("source");
        fs::create_dir_all(root.join("dir")).unwrap();
        fs::write(root.join("dir/file"), format!("the file of {number}\n").repeat(50)).unwrap();
        fs::write(root.join("other"), format!("{number}")).unwrap();
        let state = State::new("lock", "source", "");
        let (path, instance) = (PathName::new("out").unwrap(), format!("out/{number}").parse().unwrap());
        let sink = remote.begin(&path, &instance, state.ladder().key(), Vec::new()).unwrap();
        let excludes = Excludes::default();
        let request = SaveRequest {
            anchor: scratch,
            root: &root,
            excludes: &excludes,
            select: None,
            base: None,
            references: None,
            inputs: Vec::new(),
            threads: 1,
            progress: &Silent,
        };
        let saved = save(request, &sink).unwrap();
        let inputs = Object::of(format!("inputs of {number}").into_bytes());
        let (derivation, size) = (inputs.id(), inputs.size());
        sink.put(inputs).unwrap();
        let objects =
            [&saved.objects[..], &[ObjectRef { id: derivation, size, kind: ObjectKind::Derivation }]].concat();
        let commit = CommitSave {
            ladder: state.ladder(),
            sketch: state.sketch(),
            derivation,
            manifest: saved.manifest,
            objects: objects.clone(),
            tree: saved.tree,
            files: saved.files,
            bytes: saved.bytes,
            settled: true,
        };
        sink.commit(&commit).unwrap();
        let packs = saved.objects.iter().copied().map(PackRef::from).collect();
        let snapshot = Arc::new(Kept { manifest: saved.manifest, derivation, packs });
        kept.extend(objects.iter().map(|object| (object.id, Arc::clone(&snapshot))));
    }
    kept
}

/// Restores a snapshot into a tree, as the program does, once its record is believed.
fn restored(remote: &Remote, kept: &Kept, root: &Path) -> Result<(), SnapshotError> {
    let manifest = Manifest::load(&kept.manifest, &kept.packs, remote)?;
    let request = RestoreRequest {
        anchor: root.parent().unwrap(),
        root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 1,
        progress: &Silent,
    };
    restore(request, remote).map(drop)
}

/// Everything of a tree: names, kinds, contents, modes and times.
fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        let content = if stat.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        lines.push(format!("{path:?} {:o} {}.{} {content:?}", stat.mode(), stat.mtime(), stat.mtime_nsec()));
        if stat.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    lines.sort();
    lines
}

/// A store with many objects behind a server, and a tree that stands where each is restored to.
struct Rotting {
    served: Served,
    kept: HashMap<ObjectId, Arc<Kept>>,
    files: HashMap<ObjectId, PathBuf>,
    scratch: TempDir,
    sandbox: Sandbox,
}

impl Rotting {
    fn new(objects: usize) -> Self {
        let sandbox = Sandbox::new();
        sandbox.sci("repo add 1001 --owner 77").ends_with(0);
        let token = token(&sandbox, "--repository 1001 --scope trusted:refs/heads/main --allow-trusted");
        let (served, scratch) = (Served::start(&sandbox, &token), TempDir::new().unwrap());
        let kept = fill(&served.remote, scratch.path(), objects);
        let id = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let files = crate::store::stored(&sandbox).into_iter().map(|path| (id(&path), path)).collect();
        Self { served, kept, files, scratch, sandbox }
    }

    /// A tree of somebody's own.
    fn target(&self) -> PathBuf {
        let root = self.scratch.path().join("ws/out");
        fs::create_dir_all(root.join("dir")).unwrap();
        fs::write(root.join("dir/file"), "mine\n").unwrap();
        fs::write(root.join("mine"), "mine too\n").unwrap();
        root
    }
}

#[test]
fn one_bit_in_each_of_a_thousand_objects() {
    let rotting = Rotting::new(OBJECTS);
    let (remote, root) = (&rotting.served.remote, rotting.target());
    let before = (listing(&root), fs::read_dir(root.parent().unwrap()).unwrap().count());
    let mut ids: Vec<_> = rotting.kept.keys().copied().collect();
    ids.sort_unstable();
    assert!(ids.len() >= OBJECTS && ids.iter().all(|id| rotting.files.contains_key(id)), "{} objects", ids.len());
    for (number, id) in ids.iter().enumerate() {
        let file = File::options().read(true).write(true).open(&rotting.files[id]).unwrap();
        let length = file.metadata().unwrap().len();
        // Another byte and another bit each time, from the first to the last.
        let (at, bit) = (length * number as u64 / ids.len() as u64, number % 8);
        let flip = || {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
        };
        flip();
        let kept = &rotting.kept[id];
        if *id == kept.derivation {
            // No restore needs it; explain does.
            let said = remote.object(id).unwrap_err();
            assert!(matches!(said, Error::Damaged { .. }), "{said}");
        } else {
            let said = restored(remote, kept, &root).expect_err("damage is not restored").to_string();
            assert!(said.contains(&id.to_string()) || said.contains("damaged"), "{id}, byte {at}: {said}");
        }
        assert_eq!((listing(&root), fs::read_dir(root.parent().unwrap()).unwrap().count()), before, "{id}");
        flip();
    }
    // All is well again, and it is restored.
    restored(remote, &rotting.kept[&ids[0]], &root).unwrap();
    assert_ne!(listing(&root), before.0);
    drop(rotting.sandbox);
}

#[test]
fn an_object_that_is_exchanged_for_another_one() {
    let rotting = Rotting::new(40);
    let (remote, root) = (&rotting.served.remote, rotting.target());
    let before = listing(&root);
    let mut snapshots: Vec<_> = rotting.kept.values().collect();
    snapshots.sort_by_key(|kept| kept.manifest);
    snapshots.dedup_by_key(|kept| kept.manifest);
    let exchange = |one: &ObjectId, other: &ObjectId| {
        let [one, other] = [one, other].map(|id| &rotting.files[id]);
        let aside = one.with_extension("aside");
        for (from, to) in [(one, &aside), (other, one), (&aside, other)] {
            fs::rename(from, to).unwrap();
        }
    };
    for pair in snapshots.chunks_exact(2) {
        let (one, other) = (pair[0], pair[1]);
        for (mine, theirs) in [(one.manifest, other.manifest), (one.packs[0].id, other.packs[0].id)] {
            exchange(&mine, &theirs);
            assert!(restored(remote, one, &root).is_err() && restored(remote, other, &root).is_err());
            assert_eq!(listing(&root), before);
            exchange(&mine, &theirs);
        }
    }
    restored(remote, snapshots[0], &root).unwrap();
}
