//! Files and trees that are hard to see and hard to bring back.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, UNIX_EPOCH};

use sci_e2e::disturb::{change_unseen, set_mtime};
use sci_e2e::{Machine, Tree};

/// A workspace whose `out` is derived from one file, `lock`.
fn workspace() -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n");
    machine.write("lock", "1");
    machine
}

#[test]
fn a_same_size_edit_with_its_mtime_put_back_is_undone_by_restore() {
    let machine = workspace();
    machine.sci(&["restore"]).expect_verdict("out", "miss");
    machine.write("out/a", "the content of a");
    machine.write("out/dir/b", "the content of b");
    machine.sci(&["save"]).expect_outcome("out", "saved");
    let saved = Tree::read(&machine.path("out"));

    machine.sci(&["restore"]).expect_verdict("out", "exact");
    change_unseen(&machine.path("out/dir/b"));
    assert_eq!(saved.differences(&Tree::read(&machine.path("out"))).len(), 1);
    machine.sci(&["restore"]).expect_verdict("out", "exact");
    saved.assert_same(&Tree::read(&machine.path("out")));
}

#[test]
fn a_same_size_edit_with_its_mtime_put_back_is_saved() {
    let machine = workspace();
    machine.sci(&["restore"]);
    machine.write("out/a", "the content of a");
    machine.sci(&["save"]).expect_outcome("out", "saved");

    machine.sci(&["restore"]).expect_verdict("out", "exact");
    change_unseen(&machine.path("out/a"));
    let changed = Tree::read(&machine.path("out"));
    machine.sci(&["save"]).expect_outcome("out", "saved");
    machine.remove("out");
    machine.sci(&["restore"]).expect_verdict("out", "exact");
    changed.assert_same(&Tree::read(&machine.path("out")));
}

#[test]
fn an_awkward_tree_comes_back_as_it_was() {
    let machine = workspace();
    machine.sci(&["restore"]);
    awkward(&machine);
    let before = Tree::read(&machine.path("out"));
    assert!(before.links() == 3 && before.hard_links() == 1 && before.empty_directories() == 2);
    machine.sci(&["save"]).expect_outcome("out", "saved");

    machine.remove("out");
    machine.sci(&["restore"]).expect_verdict("out", "exact");
    before.assert_same(&Tree::read(&machine.path("out")));
    // A restore over what is there already finds nothing to do, and one over a stranger's tree makes it the snapshot's.
    let again = machine.sci(&["restore"]);
    assert_eq!(again.paths()["out"]["work"]["written"], 0, "{again}");
    machine.remove("out/dir/b");
    machine.write("out/stranger/file", "of nobody's");
    machine.sci(&["restore"]);
    before.assert_same(&Tree::read(&machine.path("out")));
}

fn awkward(machine: &Machine) {
    machine.write("out/dir/b", "b");
    machine.write("out/empty-file", "");
    for name in ["out/empty", "out/dir/also empty"] {
        fs::create_dir_all(machine.path(name)).unwrap();
    }
    fs::hard_link(machine.path("out/dir/b"), machine.path("out/dir/c")).unwrap();
    symlink("dir/b", machine.path("out/link")).unwrap();
    symlink("dir", machine.path("out/link-to-dir")).unwrap();
    symlink("nowhere", machine.path("out/dangling")).unwrap();
    let raw = machine.path("out").join(std::ffi::OsStr::from_bytes(b"not \xff utf-8\n"));
    fs::write(raw, "raw").unwrap();
    let mut sparse = File::create(machine.path("out/sparse")).unwrap();
    sparse.seek(SeekFrom::Start(8 << 20)).unwrap();
    sparse.write_all(b"end").unwrap();
    fs::write(machine.path("out/large"), (0..3_000_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    for (name, mode) in [("out/empty-file", 0o400), ("out/large", 0o755), ("out/dir/b", 0o640), ("out/empty", 0o700)] {
        fs::set_permissions(machine.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    set_mtime(&machine.path("out/large"), UNIX_EPOCH + Duration::new(2_208_988_800, 987_654_321));
    set_mtime(&machine.path("out/sparse"), UNIX_EPOCH - Duration::new(315_619_200, 5));
    set_mtime(&machine.path("out/dir"), UNIX_EPOCH + Duration::new(1, 1));
    set_mtime(&machine.path("out"), UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789));
}
