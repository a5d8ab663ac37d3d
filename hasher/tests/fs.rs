//! Files are hashed as they are, whatever the cache remembers.

#![cfg(all(unix, feature = "fs"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

use std::fs::{self, File, FileTimes, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sci_hasher::Digest;
use sci_hasher::fs::{FileError, FileKind, HashedFile, StatCache, Timestamp, hash_files};
use sci_sys::ffi::OsStrExt;
use tempfile::TempDir;

#[test]
fn content_digests_are_plain_blake3() {
    let tree = tree(&[("empty", b""), ("abc", b"abc")]);
    let files = hash(&tree, &["empty", "abc"], None);
    let digests: Vec<_> = files.iter().map(|file| file.as_ref().unwrap().digest.to_string()).collect();
    assert_eq!(
        digests,
        [
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        ]
    );
}

#[test]
fn kind_size_mtime_and_executable_are_reported() {
    let tree = tree(&[("plain", b"12345"), ("script", b"#!"), ("group-only", b"")]);
    symlink("a/target that does not exist", tree.path().join("link")).unwrap();
    fs::set_permissions(tree.path().join("script"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(tree.path().join("group-only"), Permissions::from_mode(0o650)).unwrap();
    set_mtime(&tree.path().join("plain"), SystemTime::UNIX_EPOCH + Duration::new(77, 5));
    let files: Vec<_> = hash(&tree, &["plain", "script", "group-only", "link"], None).into_iter().flatten().collect();
    assert_eq!(files.iter().map(|file| file.executable).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(files[0].mtime, Timestamp { seconds: 77, nanos: 5 });
    assert_eq!((files[0].kind, files[0].size), (FileKind::File, 5));
    assert_eq!((files[3].kind, files[3].digest), (FileKind::Symlink, Digest::of(b"a/target that does not exist")));
}

#[test]
fn what_is_no_file_is_an_error_of_its_own_and_the_rest_is_hashed() {
    let tree = tree(&[("a", b"a"), ("directory/b", b"b")]);
    let files = hash(&tree, &["missing", "a/below-a-file", "directory", "directory/b"], None);
    assert!(matches!(&files[0], Err(FileError::Missing { path }) if path == Path::new("missing")));
    assert!(matches!(files[1], Err(FileError::Missing { .. })));
    assert!(matches!(files[2], Err(FileError::NotAFile { .. })));
    assert_eq!(files[3].as_ref().unwrap().digest, Digest::of(b"b"));
}

#[test]
fn many_files_and_large_ones_keep_their_order() {
    let tree = tempfile::tempdir().unwrap();
    let content = |index: usize| match index {
        7 | 300 => vec![index as u8; (9 << 20) + index],
        _ => format!("content {index}").into_bytes(),
    };
    let names: Vec<PathBuf> = (0..500).map(|index| PathBuf::from(format!("file-{index}"))).collect();
    for (index, name) in names.iter().enumerate() {
        fs::write(tree.path().join(name), content(index)).unwrap();
    }
    for threads in [1, 4] {
        let files = hash_files(tree.path(), &names, None, NonZeroUsize::new(threads).unwrap());
        assert_eq!(files.len(), 500);
        for (index, file) in files.into_iter().enumerate() {
            assert_eq!(file.unwrap().digest, Digest::of(&content(index)), "file {index}");
        }
    }
}

#[test]
fn names_need_not_be_utf8() {
    let tree = tempfile::tempdir().unwrap();
    let name = PathBuf::from(std::ffi::OsStr::from_bytes(b"\xff\n"));
    fs::write(tree.path().join(&name), "x").unwrap();
    let files = hash_files(tree.path(), &[name], None, NonZeroUsize::MIN);
    assert_eq!(files[0].as_ref().unwrap().digest, Digest::of(b"x"));
}

/// A tree whose only file is long settled, and the cache that remembers it.
///
/// Nobody can set a ctime, so the tests that need an old one take a file that was there before the tests: this
/// program's own executable or, when that was only just built, any of the tool chain's.
fn settled_file() -> (PathBuf, PathBuf) {
    let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let candidates = [PathBuf::from("/bin/sh"), std::env::current_exe().unwrap()];
    for file in candidates.into_iter().filter_map(|file| file.canonicalize().ok()) {
        if file.metadata().is_ok_and(|metadata| now - metadata.ctime() > 10 && now - metadata.mtime() > 10) {
            return (file.parent().unwrap().to_owned(), PathBuf::from(file.file_name().unwrap()));
        }
    }
    panic!("no file on this machine is older than ten seconds");
}

#[test]
fn a_settled_file_is_remembered_and_a_changed_entry_is_not_believed() {
    let (root, name) = settled_file();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sub/cache");
    let mut cache = StatCache::load(&file);
    let once = |cache: &mut StatCache| {
        hash_files(&root, std::slice::from_ref(&name), Some(cache), NonZeroUsize::MIN).remove(0).unwrap()
    };
    let first = once(&mut cache);
    assert_eq!(cache.len(), 1);
    cache.save().unwrap();
    let written = fs::read(&file).unwrap();

    let mut again = StatCache::load(&file);
    assert_eq!((again.len(), once(&mut again)), (1, first));
    again.save().unwrap();
    assert_eq!(fs::read(&file).unwrap(), written, "a run that learned nothing writes nothing");
}

#[test]
fn an_entry_of_another_file_under_the_same_name_is_not_believed() {
    let (root, name) = settled_file();
    let directory = tempfile::tempdir().unwrap();
    let mut cache = StatCache::load(directory.path().join("cache"));
    let _remembered = hash_files(&root, std::slice::from_ref(&name), Some(&mut cache), NonZeroUsize::MIN);
    assert_eq!(cache.len(), 1);
    // Same name, size and mtime; ctime, inode and content differ.
    let original = root.join(&name).metadata().unwrap();
    let other = tempfile::tempdir().unwrap();
    let content = vec![b'!'; usize::try_from(original.len()).unwrap()];
    fs::write(other.path().join(&name), &content).unwrap();
    set_mtime(&other.path().join(&name), original.modified().unwrap());
    let hashed = hash_files(other.path(), &[name], Some(&mut cache), NonZeroUsize::MIN).remove(0).unwrap();
    assert_eq!(hashed.digest, Digest::of(&content));
    assert!(cache.is_empty(), "a file too young to be remembered takes its old entry with it");
}

#[test]
fn a_change_of_the_same_size_with_its_mtime_put_back_is_found() {
    let tree = tree(&[("file", b"before")]);
    let old = SystemTime::now() - Duration::from_secs(3600);
    set_mtime(&tree.path().join("file"), old);
    let mut cache = StatCache::load(tree.path().join(".cache"));
    assert_eq!(digest(&tree, "file", &mut cache), Digest::of(b"before"));
    fs::write(tree.path().join("file"), b"after!").unwrap();
    set_mtime(&tree.path().join("file"), old);
    assert_eq!(digest(&tree, "file", &mut cache), Digest::of(b"after!"));
}

#[test]
fn a_file_that_just_changed_is_never_remembered() {
    let tree = tree(&[("young", b"1"), ("old-mtime", b"1")]);
    set_mtime(&tree.path().join("old-mtime"), SystemTime::now() - Duration::from_secs(3600));
    let mut cache = StatCache::load(tree.path().join(".cache"));
    hash(&tree, &["young", "old-mtime"], Some(&mut cache));
    assert!(cache.is_empty());
}

#[test]
fn a_foreign_or_damaged_cache_is_empty_and_is_replaced() {
    let (root, name) = settled_file();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cache");
    for bytes in [&b""[..], b"scistat\x03 of the future", &[0xff; 4096]] {
        fs::write(&file, bytes).unwrap();
        let mut cache = StatCache::load(&file);
        assert!(cache.is_empty());
        let _remembered = hash_files(&root, std::slice::from_ref(&name), Some(&mut cache), NonZeroUsize::MIN);
        cache.save().unwrap();
        assert_eq!(StatCache::load(&file).len(), 1);
    }
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["cache"], "no temporary file is left");
}

fn digest(tree: &TempDir, name: &str, cache: &mut StatCache) -> Digest {
    hash(tree, &[name], Some(cache)).remove(0).unwrap().digest
}

fn hash(tree: &TempDir, names: &[&str], cache: Option<&mut StatCache>) -> Vec<Result<HashedFile, FileError>> {
    let names: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
    hash_files(tree.path(), &names, cache, NonZeroUsize::new(2).unwrap())
}

fn set_mtime(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}
