//! Intents that were left behind, by a restore that died or by a checkout that brought one along; forged blocks.

use std::fs;
use std::ops::Range;
use std::path::Path;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectSource, TransferError};

use super::apply::Recovered;
use super::expected::{Expected, Seen};
use super::intent::{Intent, Op};
use super::stage::Stage;
use super::{RestoreRequest, restore};
use crate::block::Compressor;
use crate::manifest::{Block, Manifest, PackRef};
use crate::tree::{Extent, Kind, Mtime, NONE, Tree};
use crate::{Excludes, Silent, SnapshotError};

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn leave_behind(dir: &Path, ops: Vec<Op>) {
    let stage = Stage::create(dir, &dir.join("tree")).unwrap().unwrap();
    write(&dir.join(".sci-stage.tree/new/1"), "new");
    stage.write_intent(&Intent { ops, merge: false }).unwrap();
}

fn install(path: &str) -> Op {
    Op::Install { number: 1, path: path.into(), was: Expected::Nothing }
}

fn trash(dir: &Path, path: &str, number: u32) -> Op {
    Op::Trash { path: path.into(), number, was: seen(&dir.join(path)) }
}

fn seen(path: &Path) -> Seen {
    Seen::now(&crate::tree::facts(&sci_sys::fs::lstat(path).unwrap()))
}

fn recover(anchor: &Path, root: &Path) -> crate::Result<Recovered> {
    super::recover(anchor, root, &mut || Ok(()))
}

#[test]
fn an_intent_that_reaches_beside_its_target_is_refused() {
    for path in ["../tree", "tree/../.git/hooks/post-checkout", ".git/hooks/post-checkout", "tree2", "", "/etc/x"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
        fs::create_dir(dir.path().join("tree")).unwrap();
        leave_behind(dir.path(), vec![install(path)]);
        assert!(recover(dir.path(), &dir.path().join("tree")).is_err(), "{path}");
        assert_eq!(fs::read_dir(dir.path().join(".git/hooks")).unwrap().count(), 0);
        assert!(dir.path().join(".sci-stage.tree/new/1").exists(), "{path} was installed");
    }
}

#[cfg(unix)]
#[test]
fn an_intent_gives_no_special_modes() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tree")).unwrap();
    let mtime = Mtime { secs: 1, nanos: 0 };
    let adjust = Op::Adjust { path: b"tree/file".to_vec(), mode: Some(0o6755), mtime, was: None };
    leave_behind(dir.path(), vec![install("tree/file"), adjust]);
    assert_eq!(recover(dir.path(), &dir.path().join("tree")).unwrap(), Recovered::Completed);
    assert_eq!(fs::metadata(dir.path().join("tree/file")).unwrap().permissions().mode() & 0o7777, 0o755);
}

/// The target, or a directory in it, is swapped with a link to another one of the same names while what was left behind is
/// completed.
#[cfg(unix)]
#[test]
fn an_intent_completed_while_its_target_is_swapped_with_a_link_reaches_nothing_else() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};

    use sci_sys::fs::{CWD, RenameFlags, renameat_with};

    const OLD: u32 = 20;
    let fill = |root: &Path| {
        (0..OLD).for_each(|number| write(&root.join(format!("a/old{number}")), "old"));
        write(&root.join("a/kept"), "kept");
        fs::create_dir(root.join("a/locked")).unwrap();
        fs::set_permissions(root.join("a/locked"), fs::Permissions::from_mode(0o500)).unwrap();
    };
    let outside = tempfile::tempdir().unwrap();
    fill(outside.path());
    let look = |path: &Path| {
        let found = fs::metadata(outside.path().join(path)).unwrap();
        (found.permissions().mode(), found.modified().unwrap())
    };
    let names = || fs::read_dir(outside.path().join("a")).unwrap().count();
    let watched = ["", "a", "a/locked", "a/kept"].map(Path::new);
    let before = (names(), watched.map(look));
    for round in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fill(&root);
        let adjust = |path: &str| {
            let was = Some(seen(&dir.path().join(path)));
            Op::Adjust { path: path.into(), mode: Some(0o751), mtime: Mtime { secs: 1, nanos: 0 }, was }
        };
        let mut ops = vec![Op::Unlock { path: b"tree/a/locked".to_vec(), mode: 0o700 }];
        ops.extend((0..OLD).map(|number| trash(dir.path(), &format!("tree/a/old{number}"), number)));
        ops.extend([install("tree/a/file"), adjust("tree/a/kept"), adjust("tree/a/locked"), adjust("tree/a")]);
        leave_behind(dir.path(), ops);
        let (place, elsewhere) = match round % 2 {
            0 => (root.clone(), outside.path().to_owned()),
            _ => (root.join("a"), outside.path().join("a")),
        };
        let spare = dir.path().join("spare");
        std::os::unix::fs::symlink(elsewhere, &spare).unwrap();
        let (swapped, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    renameat_with(CWD, &spare, CWD, &place, RenameFlags::EXCHANGE).unwrap();
                    swapped.store(true, Ordering::Release);
                }
            });
            while !swapped.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            // Whether it finds its places is chance; what it touches is not.
            let _ = recover(dir.path(), &root);
            is_done.store(true, Ordering::Release);
        });
        assert_eq!((names(), watched.map(look)), before, "round {round}");
    }
}

#[test]
fn an_intent_whose_target_was_removed_since_is_done_with() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&root.join("old"), "old");
    write(&root.join("a/old"), "old");
    let ops = vec![
        Op::Unlock { path: b"tree/locked".to_vec(), mode: 0o700 },
        trash(dir.path(), "tree/old", 0),
        trash(dir.path(), "tree/a/old", 1),
        install("tree/a/file"),
    ];
    leave_behind(dir.path(), ops);
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Changed);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "staging is gone");
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Nothing);
}

#[test]
fn an_intent_whose_place_is_gone_is_not_completed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir(&root).unwrap();
    leave_behind(dir.path(), vec![install("tree/a/file")]);
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Changed);
}

#[test]
fn an_intent_of_the_version_before_is_not_performed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&root.join("kept"), "old");
    leave_behind(dir.path(), vec![install("tree/kept")]);
    let file = dir.path().join(".sci-stage.tree/intent");
    let mut bytes = fs::read(&file).unwrap();
    bytes[14] = b'1';
    fs::write(&file, &bytes).unwrap();
    let mut left = 0;
    let outcome = super::recover(dir.path(), &root, &mut || {
        left += 1;
        assert!(file.exists(), "it is told before it is forgotten");
        Ok(())
    });
    assert_eq!((outcome.unwrap(), left), (Recovered::Changed, 1));
    assert_eq!(fs::read_to_string(root.join("kept")).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "staging is gone");
}

#[test]
fn what_cannot_be_noted_stays_marked() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&root.join("kept"), "old");
    leave_behind(dir.path(), vec![install("tree/kept")]);
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert!(super::recover(dir.path(), &root, &mut || Err(full())).is_err());
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Changed);
}

/// A checkout may bring links, and one to a device would be read without end.
#[cfg(unix)]
#[test]
fn an_intent_that_is_no_file_is_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&root.join("kept"), "old");
    leave_behind(dir.path(), vec![install("tree/kept")]);
    let intent = dir.path().join(".sci-stage.tree/intent");
    fs::rename(&intent, dir.path().join("whole")).unwrap();
    for target in ["/dev/zero", "../whole", "nowhere"] {
        std::os::unix::fs::symlink(target, &intent).unwrap();
        assert!(recover(dir.path(), &root).is_err(), "{target}");
        fs::remove_file(&intent).unwrap();
    }
    fs::create_dir(&intent).unwrap();
    assert!(recover(dir.path(), &root).is_err());
    assert_eq!(fs::read_to_string(root.join("kept")).unwrap(), "old");
}

/// A store of one object.
struct One(Vec<u8>);

impl ObjectSource for One {
    fn read(&self, _: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        Ok(self.0[range.start as usize..range.end as usize].to_vec())
    }
}

#[test]
fn blocks_that_overlap_are_damage_and_no_panic() {
    let frame = Compressor::for_blocks().unwrap().compress(b"some content").unwrap();
    let block = |offset: usize, stored: usize, length| Block {
        digest: Digest::of(&frame[offset..offset + stored]),
        pack: 0,
        offset: offset as u64,
        stored: stored as u32,
        length,
        reference: NONE,
    };
    let mut tree = Tree::default();
    tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
    for (number, length) in [(0, 12), (1, 1)] {
        let index = tree.push(0, &[b'a' + number as u8], Kind::File, 0o644, Mtime::default(), u64::from(length));
        tree.set_content(index, Digest::of(b"x"), &[Extent { block: number, offset: 0, length }], &[]);
    }
    let manifest = Manifest {
        tree,
        // The second begins later and ends earlier than the first.
        blocks: vec![block(0, frame.len(), 12), block(2, 1, 1)],
        packs: vec![PackRef { id: ObjectId::of(&frame), size: frame.len() as u64 }],
        ..Manifest::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let request = RestoreRequest {
        anchor: dir.path(),
        root: &dir.path().join("tree"),
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 2,
        progress: &Silent,
    };
    let error = restore(request, &One(frame.clone())).unwrap_err();
    assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

#[cfg(windows)]
#[test]
fn a_snapshot_with_names_that_windows_cannot_have_is_refused_before_anything_is_written() {
    struct Nothing;
    impl ObjectSource for Nothing {
        fn read(&self, object: &ObjectId, _range: Range<u64>) -> Result<Vec<u8>, TransferError> {
            Err(TransferError::Missing { object: *object })
        }
    }
    for name in ["a:b", "file::$DATA", "..\\up", "nul", "dot.", "GIT~1"] {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        tree.push(root, name.as_bytes(), Kind::Dir, 0o755, Mtime::default(), 0);
        let path = dir.path().join("tree");
        let request = RestoreRequest {
            anchor: dir.path(),
            root: &path,
            manifest: Manifest { tree, ..Manifest::default() }.into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 1,
            progress: &Silent,
        };
        let error = restore(request, &Nothing).unwrap_err();
        assert!(matches!(error, SnapshotError::Name { .. }) && error.hint().is_some(), "{name}: {error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{name}");
    }
}
