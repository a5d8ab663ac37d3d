//! Restores that are cut off after each step of their intents, and what is done in their trees before the next command.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sci_store_api::{Object, ObjectId, ObjectSink, ObjectSource, TransferError};
use sci_sys::fs::{AtFlags, CWD, utimensat};

use super::apply::{Recovered, apply};
use super::intent::{Intent, Op};
use super::plan::Plan;
use super::stage::Stage;
use super::vouched::Vouched;
use super::{Task, fetch, leads, links, recover};
use crate::manifest::{Manifest, PackRef};
use crate::save::save;
use crate::tree::{Mtime, walk};
use crate::{Excludes, SaveRequest, Silent};

/// Objects in memory.
#[derive(Default)]
struct Memory(Mutex<HashMap<ObjectId, Vec<u8>>>);

impl ObjectSource for Memory {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        Ok(self.0.lock().unwrap()[object][range.start as usize..range.end as usize].to_vec())
    }
}

impl ObjectSink for Memory {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        self.0.lock().unwrap().insert(object.id(), object.into_bytes());
        Ok(())
    }
}

/// A tree on disk, and another one in a store.
struct Scene {
    dir: tempfile::TempDir,
    root: PathBuf,
    ops: usize,
}

const OLD: &[(&str, &str)] = &[
    ("kept/file", "same"),
    ("changed/one", "old"),
    ("changed/two", "old"),
    ("gone/deep/file", "gone"),
    ("to a file/below", "swapped"),
    ("to a directory", "swapped"),
];
const NEW: &[(&str, &str)] = &[
    ("kept/file", "same"),
    ("kept/installed", "new"),
    ("changed/one", "new"),
    ("changed/two", "new"),
    ("to a file", "swapped"),
    ("to a directory/below", "swapped"),
];

impl Scene {
    /// A restore that was cut off when `done` of its steps, or all, were performed.
    fn cut_off_after(done: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (root, next) = (dir.path().join("tree"), dir.path().join("next"));
        lay(&root, OLD);
        lay(&next, NEW);
        set_mtime(&next.join("kept/file"), 1_000_000_000);
        set_mode(&root.join("gone"), 0o500);
        set_mode(&root.join("changed"), 0o555);
        let store = Memory::default();
        let manifest = saved(dir.path(), &next, &store);
        fs::remove_dir_all(next).unwrap();
        let leads = leads::Leads::default();
        let task = Task { anchor: dir.path(), root: &root, manifest, merge: false, progress: &Silent, leads };
        let walked = walk(&root, &Excludes::default(), None, 1).unwrap().unwrap();
        let plan = Plan::new(&task, Some(&walked), &Vouched::Nothing, 1).unwrap();
        let stage = Stage::create(dir.path(), &root).unwrap().unwrap();
        let mut receipts = plan.kept_receipts(&task, Some(&walked));
        fetch::contents(&task, &plan, &stage, 1, &store, &mut receipts).unwrap();
        links::make(&task.manifest, &plan, &stage, &root).unwrap();
        links::finish_directories(&task.manifest, &plan, &stage, &root, &mut receipts).unwrap();
        let mut intent = plan.intent(&task, Some(&walked), &stage);
        stage.write_intent(&intent).unwrap();
        let ops = intent.ops.len();
        intent.ops.truncate(done);
        assert_eq!(apply(&stage, &intent).unwrap(), None);
        Self { dir, root, ops }
    }

    fn recover(&self) -> (Recovered, usize) {
        let mut left = 0;
        let outcome = recover(self.dir.path(), &self.root, &mut || {
            left += 1;
            Ok(())
        });
        assert!(!self.dir.path().join(".sci-stage.tree").exists(), "staging is gone");
        (outcome.unwrap(), left)
    }

    /// The last step's number that can be cut off after.
    fn steps() -> usize {
        Self::cut_off_after(usize::MAX).ops
    }
}

fn saved(anchor: &Path, root: &Path, store: &Memory) -> Arc<Manifest> {
    let request = SaveRequest {
        anchor,
        root,
        excludes: &Excludes::default(),
        select: None,
        base: None,
        references: None,
        inputs: Vec::new(),
        threads: 1,
        progress: &Silent,
    };
    let saved = save(request, store).unwrap();
    let permitted: Vec<PackRef> = saved.objects.iter().copied().map(PackRef::from).collect();
    Arc::new(Manifest::load(&saved.manifest, &permitted, store).unwrap())
}

fn lay(root: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn set_mtime(path: &Path, secs: i64) {
    utimensat(CWD, path, &super::set_mtime(Mtime { secs, nanos: 0 }), AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// Names and contents.
fn listing(root: &Path) -> BTreeMap<PathBuf, Option<String>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path.clone(), metadata.is_file().then(|| fs::read_to_string(&path).unwrap()));
    }
    found
}

/// Until what is done now has a later time than what was done before.
fn wait() {
    std::thread::sleep(Duration::from_millis(60));
}

#[test]
fn an_untouched_tree_is_completed_from_every_step_on() {
    for done in 0..=Scene::steps() {
        let scene = Scene::cut_off_after(done);
        wait();
        assert_eq!(scene.recover(), (Recovered::Completed, 0), "after {done} steps");
        let expected = tempfile::tempdir().unwrap();
        lay(&expected.path().join("tree"), NEW);
        let names = |top: &Path| -> Vec<_> {
            let listed = listing(&top.join("tree"));
            listed.into_iter().map(|(path, content)| (path.strip_prefix(top).unwrap().to_owned(), content)).collect()
        };
        assert_eq!(names(scene.dir.path()), names(expected.path()), "after {done} steps");
    }
}

/// What somebody does in the tree; not all of it can be done after every step.
type Edit = fn(&Path) -> std::io::Result<()>;

const EDITS: &[(&str, Edit)] = &[
    ("a file was written", |root| fs::write(root.join("changed/one"), "theirs")),
    ("a file was written as long as it was, with its time kept", |root| {
        let path = root.join("changed/two");
        let modified = path.metadata()?.modified()?;
        fs::write(&path, "me!")?;
        fs::File::options().write(true).open(path)?.set_modified(modified)
    }),
    ("a file was added where one goes, or edited there", |root| fs::write(root.join("kept/installed"), "theirs")),
    ("a file was added where none goes", |root| fs::write(root.join("changed/three"), "theirs")),
    ("a file was added above all", |root| fs::write(root.join("theirs"), "theirs")),
    ("a file that stays was written", |root| fs::write(root.join("kept/file"), "mine")),
    ("a directory that stays was removed", |root| fs::remove_dir_all(root.join("kept"))),
    ("a file was removed", |root| fs::remove_file(root.join("changed/one"))),
    ("a directory that stays was replaced", |root| {
        fs::rename(root.join("changed"), root.join("moved"))?;
        fs::create_dir(root.join("changed"))
    }),
    ("a file deep below what goes was written", |root| {
        fs::write(root.join("gone/deep/file").canonicalize()?, "theirs")
    }),
    ("a directory that goes was removed", |root| fs::remove_dir_all(root.join("gone"))),
    ("a file became a directory", |root| {
        fs::remove_file(root.join("to a file"))?;
        fs::create_dir(root.join("to a file"))
    }),
    ("everything was removed", |root| fs::remove_dir_all(root)),
];

#[test]
fn a_tree_that_was_changed_is_left_as_it_is() {
    let steps = Scene::steps();
    for (what, edit) in EDITS {
        let mut edited = 0;
        for done in [0, 4, 8, steps - 1, steps] {
            let scene = Scene::cut_off_after(done);
            wait();
            let before = listing(&scene.root);
            if edit(&scene.root).is_err() {
                assert_eq!(listing(&scene.root), before, "{what}: half an edit");
                continue;
            }
            edited += 1;
            let before = listing(&scene.root);
            assert_eq!(scene.recover(), (Recovered::Changed, 1), "{what}, after {done} of {steps} steps");
            assert_eq!(listing(&scene.root), before, "{what}, after {done} of {steps} steps");
        }
        assert!(edited > 0, "{what}: it never could be");
    }
}

/// Where the file system's clock does not tell, what the intent expects does.
#[test]
fn a_place_of_a_step_to_come_is_looked_at_whatever_the_clock_says() {
    let edits: &[(&str, Edit)] = &[EDITS[0], EDITS[1], EDITS[2], EDITS[5], EDITS[6], EDITS[7], EDITS[8], EDITS[10]];
    for (what, edit) in edits {
        let scene = Scene::cut_off_after(0);
        wait();
        edit(&scene.root).unwrap();
        set_mtime(&scene.dir.path().join(".sci-stage.tree/new"), 4_000_000_000);
        let before = listing(&scene.root);
        assert_eq!(scene.recover(), (Recovered::Changed, 1), "{what}");
        assert_eq!(listing(&scene.root), before, "{what}");
    }
}

#[test]
fn a_step_says_what_it_expects() {
    let scene = Scene::cut_off_after(0);
    let stage = Stage::left_behind(scene.dir.path(), &scene.root).unwrap().unwrap();
    let Some(super::intent::Left::Intent(intent)) = stage.read_intent().unwrap() else { panic!("no intent") };
    let kinds = |wanted: fn(&Op) -> bool| intent.ops.iter().filter(|op| wanted(op)).count();
    assert_eq!(kinds(|op| matches!(op, Op::Unlock { .. })), if cfg!(unix) { 2 } else { 0 });
    assert_eq!(kinds(|op| matches!(op, Op::Trash { .. })), 3);
    assert_eq!(kinds(|op| matches!(op, Op::Install { .. })), 5);
    assert!(kinds(|op| matches!(op, Op::Adjust { was: Some(_), .. })) >= 4, "{intent:?}");
    assert_eq!(Intent::decode(&intent.encode()), Some(intent));
}
