//! Small file systems, in a mount namespace that ends with the test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sci_sys::fs::statvfs;

use crate::tree::{copy, remove};

/// Set for the process that may mount.
const INSIDE: &str = "SCI_TEST_MOUNTS";

/// What lets a process mount: being root; a namespace in which it is root; becoming root.
const WAYS: [&[&str]; 3] = [
    &["unshare", "--mount"],
    &["unshare", "--map-root-user", "--mount"],
    &["sudo", "--non-interactive", "--preserve-env=SCI_TEST_MOUNTS", "unshare", "--mount"],
];

/// Runs the body of the test of that name where it may mount, which nobody else sees.
///
/// In a process of its own: one with threads cannot enter a user namespace.
pub(crate) fn where_mounts_are_allowed(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let through = |way: &[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).args(["--propagation", "private"]).env(INSIDE, "yes");
        command
    };
    let works = |way: &&&[&str]| through(way).arg("true").output().is_ok_and(|output| output.status.success());
    let way = WAYS.iter().find(works);
    let way =
        way.expect("a small file system can be mounted as root, in a user namespace, or with sudo; nothing works");
    let output = through(way).arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A file system in memory; unmounted when dropped.
pub(crate) struct Disk {
    at: PathBuf,
}

/// More than any of the tests needs.
const AMPLE: Room = Room { kib: 64 << 10, files: 10_000 };

/// What a file system has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) kib: u64,
    pub(crate) files: u64,
}

impl Room {
    /// This much room, and as many files as one likes.
    pub(crate) const fn of_kib(kib: u64) -> Self {
        Self { kib, ..AMPLE }
    }

    /// So many files, and as much room as one likes.
    pub(crate) const fn of_files(files: u64) -> Self {
        Self { files, ..AMPLE }
    }
}

impl Disk {
    /// Puts a disk under the directory, which keeps what it holds.
    pub(crate) fn under(at: PathBuf) -> Self {
        let aside = at.with_extension("aside");
        fs::rename(&at, &aside).unwrap();
        fs::create_dir(&at).unwrap();
        mount(&at, "", AMPLE, 0, 0);
        let disk = Self { at };
        for entry in fs::read_dir(&aside).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &disk.at.join(entry.file_name()));
        }
        remove(&aside);
        disk
    }

    /// Lets the disk have this much room left, whatever it holds.
    pub(crate) fn leave(&self, room: Room) {
        let stat = statvfs(&self.at).unwrap();
        let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
        mount(&self.at, "remount,", room, used, stat.f_files - stat.f_ffree);
    }

    /// Makes room.
    pub(crate) fn make_room(&self) {
        self.leave(AMPLE);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Else the directory could not be removed; when it fails, that says so.
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

/// Mounts, or mounts again, what is to have so much more room than is used.
#[track_caller]
fn mount(at: &Path, again: &str, room: Room, used: u64, files: u64) {
    let options = format!("{again}size={},nr_inodes={}", used + room.kib * 1024, files + room.files);
    // With the source named, `mount` adds no options of its own: in a user namespace they do not mean what they say.
    let output = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output().unwrap();
    assert!(output.status.success(), "mount -o {options} {}: {output:?}", at.display());
}
