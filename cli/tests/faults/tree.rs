//! Two versions of a tree that differ in every way that a restore has to deal with, and what a tree looks like.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sci_sys::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

/// Version 1 or 2 of the tree, in place of whatever is at `root`.
pub(crate) fn lay(root: &Path, version: u8) {
    remove(root);
    let first = version == 1;
    let at = |name: &str| root.join(name);
    let write = |name: &str, content: &[u8]| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), content).unwrap();
    };
    write("same", b"in both");
    write("changed", if first { b"one" } else { b"two" });
    write(if first { "gone/file" } else { "new/deep/file" }, b"moved");
    write(if first { "a file/now a directory" } else { "a file" }, b"swapped");
    write(if first { "dir" } else { "dir/now a directory" }, b"swapped");
    write("locked/file", &[version]);
    write("tool", b"#!/bin/sh\n");
    write("empty file", b"");
    let mut big = noise(300_000);
    big[150_000] = version;
    write("big", &big);
    fs::create_dir(at(if first { "empty" } else { "new/empty" })).unwrap();
    fs::hard_link(at("same"), at("link 1")).unwrap();
    fs::hard_link(at(if first { "same" } else { "changed" }), at("link 2")).unwrap();
    symlink(if first { "same" } else { "changed" }, at("symlink")).unwrap();
    let sparse = File::create(at("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, &[version], 500_000).unwrap();
    chmod(&at("tool"), if first { 0o644 } else { 0o755 });
    chmod(&at("locked"), 0o555);
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Removes what is there, if anything is, whatever its modes.
pub(crate) fn remove(path: &Path) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if !metadata.is_dir() {
        return fs::remove_file(path).unwrap();
    }
    chmod(path, 0o700);
    fs::read_dir(path).unwrap().for_each(|entry| remove(&entry.unwrap().path()));
    fs::remove_dir(path).unwrap();
}

/// Copies a tree with everything that belongs to it.
pub(crate) fn copy(from: &Path, to: &Path) {
    copy_below(from, to, &mut HashMap::new());
}

fn copy_below(from: &Path, to: &Path, first_names: &mut HashMap<u64, PathBuf>) {
    let stat = from.symlink_metadata().unwrap();
    let kind = stat.file_type();
    if kind.is_symlink() {
        symlink(fs::read_link(from).unwrap(), to).unwrap();
    } else if kind.is_fifo() {
        make_fifo(to);
    } else if let Some(first) = first_names.get(&stat.ino()) {
        fs::hard_link(first, to).unwrap();
    } else if kind.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy_below(&entry.path(), &to.join(entry.file_name()), first_names);
        }
        chmod(to, stat.mode() & 0o7777);
    } else {
        first_names.insert(stat.ino(), to.to_owned());
        fs::copy(from, to).unwrap();
    }
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let last_modification = Timespec { tv_sec: stat.mtime(), tv_nsec: stat.mtime_nsec() };
    utimensat(CWD, to, &Timestamps { last_access: omit, last_modification }, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Makes something that no snapshot holds.
pub(crate) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Everything that a restore must bring back, one line per entry; nothing where nothing is.
pub(crate) fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    if root.symlink_metadata().is_ok() {
        list(root, root, &mut lines, &mut HashMap::new());
    }
    lines
}

fn list(root: &Path, path: &Path, lines: &mut Vec<String>, first_names: &mut HashMap<u64, String>) {
    let stat = path.symlink_metadata().unwrap();
    let name = path.strip_prefix(root).unwrap().display().to_string();
    let time = format!("{}.{:09}", stat.mtime(), stat.mtime_nsec());
    let mode = stat.mode() & 0o7777;
    let kind = stat.file_type();
    if kind.is_dir() {
        lines.push(format!("{name}/ {mode:o} {time}"));
        let mut children: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        children.sort();
        children.iter().for_each(|child| list(root, child, lines, first_names));
    } else if kind.is_symlink() {
        lines.push(format!("{name} -> {} {time}", fs::read_link(path).unwrap().display()));
    } else if kind.is_fifo() {
        lines.push(format!("{name} fifo"));
    } else {
        let digest = sci_hasher::Digest::of(&fs::read(path).unwrap());
        let linked = first_names.entry(stat.ino()).or_insert_with(|| name.clone());
        lines.push(format!("{name} {mode:o} {time} {} {digest} = {linked}", stat.len()));
    }
}
