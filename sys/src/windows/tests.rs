//! The calls, on a real directory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::Read as _;

use super::fd::{AsFd as _, OwnedFd};
use super::fs::*;
use super::io::{self, Errno};

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY);
const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW);

struct Place {
    _directory: tempfile::TempDir,
    handle: OwnedFd,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let handle = open(directory.path(), DIR, Mode::empty()).unwrap();
        Self { _directory: directory, handle }
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) -> OwnedFd {
        let file = openat(&self.handle, name, NEW, Mode::from_raw_mode(mode)).unwrap();
        assert_eq!(io::write(&file, content), Ok(content.len()));
        file
    }

    fn stat(&self, name: &str) -> Result<Stat, Errno> {
        statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn content(&self, name: &str) -> String {
        let mut text = String::new();
        let file = openat(&self.handle, name, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty()).unwrap();
        File::from(file).read_to_string(&mut text).unwrap();
        text
    }

    fn names(&self) -> Vec<(String, FileType)> {
        let entries = Dir::read_from(&self.handle).unwrap().map(Result::unwrap);
        let text = |entry: &DirEntry| entry.file_name().to_str().unwrap().to_owned();
        let mut names: Vec<_> = entries.map(|entry| (text(&entry), entry.file_type())).collect();
        names.retain(|(name, _)| name != "." && name != "..");
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        names
    }
}

fn at(seconds: i64, nanos: i64) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps { last_access: time(0, UTIME_OMIT), last_modification: time(seconds, nanos) }
}

#[test]
fn a_file_is_made_in_a_directory_and_looked_at() {
    let place = Place::new();
    drop(place.write("file", b"content", 0o644));
    let stat = place.stat("file").unwrap();
    assert_eq!((stat.st_size, stat.st_mode, stat.st_nlink), (7, 0o100_644, 1));
    assert_eq!(place.content("file"), "content");
    assert_eq!(place.stat("missing").unwrap_err(), Errno::NOENT);
    let again = openat(&place.handle, "file", NEW, Mode::RWXU);
    assert_eq!(again.unwrap_err(), Errno::EXIST);
    let directory = fstat(&place.handle).unwrap();
    assert_eq!(directory.st_mode, 0o040_755);
    assert_eq!(directory.st_dev, stat.st_dev);
    assert_ne!(directory.st_ino, stat.st_ino);
}

#[test]
fn a_directory_is_listed_again_from_the_start_each_time() {
    let place = Place::new();
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    assert_eq!(mkdirat(&place.handle, "sub", Mode::RWXU), Err(Errno::EXIST));
    drop(place.write("file", b"", 0o644));
    let names = [("file".to_owned(), FileType::RegularFile), ("sub".to_owned(), FileType::Directory)];
    assert_eq!(place.names(), names);
    assert_eq!(place.names(), names);
    for number in 0..2000 {
        drop(place.write(
            &format!("a rather long name so that the buffer is filled more than once {number}"),
            b"",
            0o644,
        ));
    }
    assert_eq!(place.names().len(), 2002);
}

#[test]
fn what_is_no_directory_is_not_opened_as_one() {
    let place = Place::new();
    drop(place.write("file", b"", 0o644));
    assert_eq!(openat(&place.handle, "file", DIR, Mode::empty()).unwrap_err(), Errno::NOTDIR);
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    let flags = OFlags::WRONLY | OFlags::CREATE;
    assert_eq!(openat(&place.handle, "sub", flags, Mode::RWXU).unwrap_err(), Errno::ISDIR);
    assert_eq!(openat(&place.handle, "file/x", DIR, Mode::empty()).unwrap_err(), Errno::NOENT);
}

#[test]
fn hostile_names_are_neither_made_nor_reached() {
    let place = Place::new();
    drop(place.write("file", b"content", 0o644));
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    let sub = openat(&place.handle, "sub", DIR, Mode::empty()).unwrap();
    for name in ["..\\up", "a:b", "file::$DATA", "nul", "COM1.txt", "dot.", "blank ", "a?", "..", "..\\..\\up", "GIT~1"]
    {
        assert_eq!(openat(&sub, name, NEW, Mode::RWXU).unwrap_err(), Errno::INVAL, "{name}");
        assert_eq!(mkdirat(&sub, name, Mode::RWXU), Err(Errno::INVAL), "{name}");
        assert_eq!(renameat(&place.handle, "file", &sub, name), Err(Errno::INVAL), "{name}");
        assert_eq!(linkat(&place.handle, "file", &sub, name, AtFlags::empty()), Err(Errno::INVAL), "{name}");
        assert_eq!(symlinkat(b"x", &sub, name), Err(Errno::INVAL), "{name}");
    }
    for name in ["..\\file", "../file", ".."] {
        assert!(statat(&sub, name, AtFlags::SYMLINK_NOFOLLOW).is_err(), "{name}");
        assert!(openat(&sub, name, OFlags::RDONLY, Mode::empty()).is_err(), "{name}");
        assert!(unlinkat(&sub, name, AtFlags::empty()).is_err(), "{name}");
    }
    assert_eq!(statat(&place.handle, "file::$DATA", AtFlags::empty()).unwrap_err(), Errno::NOENT);
    assert_eq!(place.names().len(), 2);
}

#[test]
fn a_time_that_was_set_is_read_back_as_it_is_kept() {
    let place = Place::new();
    let file = place.write("file", b"content", 0o644);
    for (seconds, nanos) in [(0, 0), (1_700_000_000, 123_456_789), (-5, 999_999_999), (i64::MIN, 0), (1, 199)] {
        futimens(&file, &at(seconds, nanos)).unwrap();
        let kept = super::kept::time(seconds, nanos as u32);
        let stat = fstat(&file).unwrap();
        if seconds != i64::MIN {
            assert_eq!((stat.st_mtime, stat.st_mtime_nsec as u32), kept);
            assert_eq!(kept, (seconds, nanos as u32 / 100 * 100));
        }
        assert_eq!(super::kept::time(kept.0, kept.1), kept);
    }
    drop(file);
    utimensat(&place.handle, "file", &at(77, 0), AtFlags::SYMLINK_NOFOLLOW).unwrap();
    assert_eq!(place.stat("file").unwrap().st_mtime, 77);
}

#[test]
fn the_time_set_by_one_handle_outlives_the_others() {
    let place = Place::new();
    drop(place.write("file", b"", 0o644));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW;
    let [first, last] = [0, 1].map(|_| openat(&place.handle, "file", flags, Mode::RWXU).unwrap());
    assert_eq!(io::pwrite(&first, b"ab", 0), Ok(2));
    assert_eq!(io::pwrite(&last, b"cd", 2), Ok(2));
    futimens(&last, &at(77, 0)).unwrap();
    drop((last, first));
    assert_eq!(place.stat("file").unwrap().st_mtime, 77);
    assert_eq!(place.content("file"), "abcd");
}

#[test]
fn of_a_mode_it_is_kept_whether_a_file_may_be_written_to() {
    let place = Place::new();
    for (wanted, kept) in [(0o644, 0o644), (0o755, 0o644), (0o400, 0o444), (0o555, 0o444), (0, 0o444), (0o200, 0o644)] {
        drop(place.write("file", b"x", wanted));
        let mode = place.stat("file").unwrap().st_mode & 0o777;
        assert_eq!(mode, kept, "{wanted:o}");
        assert_eq!(u32::from(super::kept::mode(wanted as u16, false)), kept);
        // One that may not be written to is removed all the same.
        unlinkat(&place.handle, "file", AtFlags::empty()).unwrap();
    }
    drop(place.write("file", b"x", 0o644));
    let file = openat(&place.handle, "file", OFlags::RDONLY, Mode::empty()).unwrap();
    fchmod(&file, Mode::from_raw_mode(0o444)).unwrap();
    assert_eq!(fstat(&file).unwrap().st_mode & 0o777, 0o444);
    chmodat(&place.handle, "file", Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    assert_eq!(fstat(&file).unwrap().st_mode & 0o777, 0o644);
}

#[test]
fn a_rename_replaces_a_file_that_may_not_be_written_to_and_no_directory() {
    let place = Place::new();
    drop(place.write("old", b"old", 0o444));
    drop(place.write("new", b"new", 0o444));
    renameat(&place.handle, "new", &place.handle, "old").unwrap();
    assert_eq!(place.content("old"), "new");
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    let sub = openat(&place.handle, "sub", DIR, Mode::empty()).unwrap();
    drop(openat(&sub, "inner", NEW, Mode::RWXU).unwrap());
    assert_eq!(renameat(&place.handle, "old", &place.handle, "sub"), Err(Errno::ISDIR));
    mkdirat(&place.handle, "other", Mode::RWXU).unwrap();
    assert_eq!(renameat(&place.handle, "other", &place.handle, "sub"), Err(Errno::NOTEMPTY));
    let noreplace = renameat_with(&place.handle, "other", &place.handle, "old", RenameFlags::NOREPLACE);
    assert_eq!(noreplace, Err(Errno::EXIST));
    assert_eq!(renameat(&place.handle, "missing", &place.handle, "old"), Err(Errno::NOENT));
    drop(sub);
    renameat(&place.handle, "sub", &place.handle, "moved").unwrap();
    assert_eq!(place.names().len(), 3);
}

#[test]
fn a_directory_is_removed_only_when_it_is_empty_and_as_such() {
    let place = Place::new();
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    let sub = openat(&place.handle, "sub", DIR, Mode::empty()).unwrap();
    drop(openat(&sub, "inner", NEW, Mode::RWXU).unwrap());
    assert_eq!(unlinkat(&place.handle, "sub", AtFlags::empty()), Err(Errno::ISDIR));
    assert_eq!(unlinkat(&place.handle, "sub", AtFlags::REMOVEDIR), Err(Errno::NOTEMPTY));
    assert_eq!(unlinkat(&sub, "inner", AtFlags::REMOVEDIR), Err(Errno::NOTDIR));
    unlinkat(&sub, "inner", AtFlags::empty()).unwrap();
    drop(sub);
    unlinkat(&place.handle, "sub", AtFlags::REMOVEDIR).unwrap();
    assert_eq!(place.stat("sub").unwrap_err(), Errno::NOENT);
    assert_eq!(place.names(), []);
}

#[test]
fn a_link_is_another_name_of_the_same_file() {
    let place = Place::new();
    drop(place.write("one", b"content", 0o444));
    linkat(&place.handle, "one", &place.handle, "two", AtFlags::empty()).unwrap();
    let (one, two) = (place.stat("one").unwrap(), place.stat("two").unwrap());
    assert_eq!((one.st_ino, one.st_nlink), (two.st_ino, 2));
    assert_eq!(linkat(&place.handle, "one", &place.handle, "two", AtFlags::empty()), Err(Errno::EXIST));
}

#[test]
fn a_file_is_read_and_written_at_places() {
    let place = Place::new();
    let file = place.write("file", b"0123456789", 0o644);
    assert_eq!(io::pwrite(&file, b"ab", 4), Ok(2));
    ftruncate(&file, 8).unwrap();
    drop(file);
    let file = openat(&place.handle, "file", OFlags::RDONLY, Mode::empty()).unwrap();
    let mut bytes = Vec::with_capacity(64);
    assert_eq!(io::pread(&file, super::buffer::spare_capacity(&mut bytes), 3), Ok(5));
    assert_eq!(bytes, b"3ab67");
    assert_eq!(io::pread(&file, super::buffer::spare_capacity(&mut bytes), 8), Ok(0));
    let mut buffer = [0; 3];
    let file = openat(&place.handle, "file", OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!((io::read(&file, &mut buffer), &buffer), (Ok(3), b"012"));
}

#[test]
fn a_directory_has_one_lock_and_it_goes_with_its_handle() {
    let place = Place::new();
    mkdirat(&place.handle, "sub", Mode::RWXU).unwrap();
    let handle = || openat(&place.handle, "sub", DIR, Mode::empty()).unwrap();
    let (first, second) = (handle(), handle());
    flock(&first, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(flock(&second, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
    flock(&place.handle, FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| flock(&second, FlockOperation::LockExclusive));
        drop(first);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(flock(&handle(), FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
}

#[test]
fn the_machine_tells_its_room_its_start_and_its_time() {
    let place = Place::new();
    let room = fstatvfs(&place.handle).unwrap();
    assert!(room.f_frsize > 0 && room.f_bavail > 0, "{room:?}");
    assert!(super::machine::boot().is_some());
    let file = place.write("file", b"", 0o644);
    let stat = fstat(&file).unwrap();
    let written = stat.st_mtime * 1_000_000_000 + stat.st_mtime_nsec;
    assert!(super::machine::file_time().abs_diff(written) < 60_000_000_000);
    assert_eq!(
        place.handle.as_fd().try_clone_to_owned().map(|clone| fstat(&clone).unwrap().st_ino).unwrap(),
        fstat(&place.handle).unwrap().st_ino
    );
}
