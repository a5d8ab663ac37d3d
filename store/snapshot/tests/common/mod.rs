//! A store in memory, and trees to save.
#![allow(unreachable_pub, reason = "shared by the test files of this crate")]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]
#![allow(dead_code, reason = "every test file uses another part of it")]

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sci_snapshot::{
    Base, Excludes, Manifest, PackRef, Progress, RestoreRequest, Restored, Result, SaveRequest, Saved, Silent, restore,
    save,
};
use sci_store_api::{Object, ObjectId, ObjectSink, ObjectSource, TransferError};
use sci_sys::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// Objects in memory.
#[derive(Default)]
pub struct Memory(pub Mutex<HashMap<ObjectId, Vec<u8>>>);

impl ObjectSource for Memory {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let objects = self.0.lock().unwrap();
        let bytes = objects.get(object).ok_or(TransferError::Missing { object: *object })?;
        let found = bytes.get(range.start as usize..range.end as usize);
        let failed = || TransferError::Failed { object: *object, reason: "range outside the object".into() };
        found.map(<[u8]>::to_vec).ok_or_else(failed)
    }
}

impl ObjectSink for Memory {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        self.0.lock().unwrap().insert(object.id(), object.into_bytes());
        Ok(())
    }
}

impl Memory {
    pub fn bytes(&self) -> u64 {
        self.0.lock().unwrap().values().map(|object| object.len() as u64).sum()
    }
}

pub fn save_tree(root: &Path, base: Option<&Base>, store: &Memory) -> Result<Saved> {
    let excludes = Excludes::default();
    let anchor = root.parent().unwrap();
    let request = SaveRequest {
        anchor,
        root,
        excludes: &excludes,
        select: None,
        base: base.cloned(),
        references: Some(store),
        inputs: Vec::new(),
        threads: 3,
        progress: &Silent,
    };
    save(request, store)
}

pub fn permitted(saved: &Saved) -> Vec<PackRef> {
    saved.objects.iter().copied().map(PackRef::from).collect()
}

pub fn load(saved: &Saved, store: &Memory) -> Result<Manifest> {
    Manifest::load(&saved.manifest, &permitted(saved), store)
}

pub fn restore_tree(manifest: Manifest, root: &Path, base: Option<&Base>, store: &Memory) -> Result<Restored> {
    let request = RestoreRequest {
        anchor: root.parent().unwrap(),
        root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: base.cloned(),
        merge: false,
        threads: 3,
        progress: &Silent,
    };
    restore(request, store)
}

/// Acts when it is known what there is to do, before anything is done.
pub struct Meddler<F: Fn() + Sync>(pub F);

impl<F: Fn() + Sync> Progress for Meddler<F> {
    fn total(&self, _items: u64, _bytes: u64) {
        (self.0)();
    }
    fn advance(&self, _items: u64, _bytes: u64) {}
}

/// Everything about a tree that a restore must bring back, one line per entry.
pub fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut first_names: HashMap<u64, String> = HashMap::new();
    list(root, root, &mut lines, &mut first_names);
    lines
}

fn list(root: &Path, path: &Path, lines: &mut Vec<String>, names: &mut HashMap<u64, String>) {
    let stat = fs::symlink_metadata(path).unwrap();
    let found = sci_sys::fs::lstat(path).unwrap();
    let mode = found.st_mode & 0o777;
    let name = format!("{:?}", path.strip_prefix(root).unwrap());
    let time = format!("{}.{:09}", found.st_mtime, found.st_mtime_nsec);
    if stat.is_dir() {
        lines.push(format!("{name} dir {mode:o} {time}"));
        let mut children: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        children.sort();
        children.iter().for_each(|child| list(root, child, lines, names));
    } else if stat.is_symlink() {
        lines.push(format!("{name} -> {:?} {time}", fs::read_link(path).unwrap()));
    } else {
        let digest = blake3::hash(&fs::read(path).unwrap());
        let linked = names.entry(found.st_ino).or_insert_with(|| name.clone());
        lines.push(format!("{name} file {mode:o} {time} {} {digest} = {linked}", stat.len()));
    }
}

pub fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub fn chmod(path: &Path, mode: u32) {
    sci_sys::fs::chmod(path, sci_sys::fs::Mode::from_raw_mode(mode)).unwrap();
}

pub fn set_mtime(path: &Path, secs: i64, nanos: u32) {
    let omit = Timespec { tv_sec: 0, tv_nsec: sci_sys::fs::UTIME_OMIT };
    let times = Timestamps { last_access: omit, last_modification: Timespec { tv_sec: secs, tv_nsec: nanos.into() } };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Bytes that neither repeat nor compress.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new_derive_key("noise").update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A small tree with everything that an archiver can lose.
#[cfg(unix)]
pub fn awkward(root: &Path) {
    use sci_sys::ffi::OsStrExt as _;
    let at = |name: &str| root.join(name);
    write(&at("plain"), b"hi\n");
    write(&at("exec"), b"#!/bin/sh\n");
    write(&at("read-only"), b"y\n");
    write(&at("private"), b"z\n");
    write(&at("zero"), b"");
    write(&at(" lead space"), b"sp");
    write(&at("-dash"), b"d");
    write(&at("new\nline"), b"nl");
    write(&at("lib\\index.js"), b"published on Windows");
    write(&root.join(std::ffi::OsStr::from_bytes(b"bad\xffutf")), b"nu");
    write(&at(&"n".repeat(255)), b"long name");
    write(&at("old"), b"1960");
    write(&at("future"), b"2040");
    write(&at("sub/inner/file"), b"inner");
    write(&at("sub.d/after the directory"), b"order");
    write(&at("large"), &noise(3 << 20, 1));
    write(&at("very large"), &noise((17 << 20) + 321, 2));
    write(&at("copy of large"), &noise(3 << 20, 1));
    fs::create_dir_all(at("empty/deep")).unwrap();
    fs::create_dir_all(at("locked/below")).unwrap();
    write(&at("locked/below/file"), b"in a read-only directory");
    fs::hard_link(at("plain"), at("hard1")).unwrap();
    fs::hard_link(at("plain"), at("sub/hard2")).unwrap();
    std::os::unix::fs::symlink("plain", at("link")).unwrap();
    std::os::unix::fs::symlink("/nonexistent/x", at("dangling")).unwrap();
    std::os::unix::fs::symlink("sub", at("link to sub")).unwrap();
    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(at("sparse"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"end"))
        .unwrap();
    for (name, mode) in
        [("exec", 0o755), ("read-only", 0o444), ("private", 0o600), ("locked/below", 0o500), ("locked", 0o555)]
    {
        chmod(&at(name), mode);
    }
    set_mtime(&at("old"), -315_619_200, 5);
    set_mtime(&at("future"), 2_222_222_222, 10);
    set_mtime(&at("link"), 1_577_836_800, 500_000_000);
    set_mtime(&at("empty/deep"), 1_546_300_800, 250_000_000);
    set_mtime(&at("sub"), 1_000_000_000, 999_999_999);
}

/// Panics as soon as any progress is made.
pub struct Dies;

impl Progress for Dies {
    fn total(&self, _items: u64, _bytes: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {
        panic!("killed");
    }
}
