//! Finds out which files on disk already have the snapshot's content.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_hasher::Digest;
use sci_sys::fd::AsFd;
use sci_sys::fs::{self, Mode, OFlags};
use sci_sys::io::Errno;

use super::Task;
use super::vouched::Vouched;
use crate::dir::{self, Cursor, Tops};
use crate::progress::go_on;
use crate::tree::{Kind, NONE, Walked};
use crate::{Result, SnapshotError};

/// Files hashed by one thread at a time.
const BATCH: usize = 64;

/// For each entry of the snapshot, whether it is a file whose content is on disk already.
///
/// What this machine has a receipt for is believed; every other file of the right size is read.
pub(crate) fn same_content(
    task: &Task<'_>,
    walked: &Walked,
    vouched: &Vouched,
    found: &[u32],
    threads: usize,
) -> Result<Vec<bool>> {
    let tree = &task.manifest.tree;
    let mut known = vec![false; tree.len() as usize];
    let mut unsure = Vec::new();
    for (index, entry) in tree.entries().filter(|(_, entry)| entry.kind.is_file()) {
        let at = found[index as usize];
        if at == NONE || matches!(walked.tree.entry(at).kind, Kind::Dir | Kind::Symlink) {
            continue;
        }
        let first = walked.tree.resolve(at);
        let on_disk = walked.tree.entry(first);
        if on_disk.size != entry.size {
            continue;
        }
        match tree.content(index).and_then(|wanted| vouched.has(walked, first, &wanted.digest)) {
            Some(same) => known[index as usize] = same,
            None => unsure.push((index, first)),
        }
    }
    for (index, same) in hash_all(task, walked, &unsure, threads)? {
        known[index as usize] = same;
    }
    Ok(known)
}

fn hash_all(task: &Task<'_>, walked: &Walked, unsure: &[(u32, u32)], threads: usize) -> Result<Vec<(u32, bool)>> {
    if unsure.is_empty() {
        return Ok(Vec::new());
    }
    let (parent, name) = dir::parent_beneath(task.anchor, task.root, false)?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(unsure.len()));
    let failed = Mutex::new(None);
    let run = || {
        let mut cursor = Cursor::new(parent.as_fd(), Tops::Root(&name));
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= unsure.len() || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
            if let Err(error) = go_on(task.progress) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return;
            }
            for (index, at) in &unsure[start..unsure.len().min(start + BATCH)] {
                match hash(&mut cursor, walked, *at) {
                    Ok(digest) => {
                        let wanted = task.manifest.tree.content(*index).map(|content| content.digest);
                        let same = digest.is_some() && digest == wanted;
                        results.lock().unwrap_or_else(PoisonError::into_inner).push((*index, same));
                    }
                    Err(error) => {
                        let path = dir::display(task.root, &walked.tree.path(*at));
                        let error = SnapshotError::io("read", path, error);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        return;
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// The digest of a file on disk; `None` when it is unreadable for this user, vanished or changing: it is replaced.
fn hash(cursor: &mut Cursor<'_>, walked: &Walked, at: u32) -> std::result::Result<Option<Digest>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = cursor
        .place(&walked.tree, at)
        .and_then(|(parent, name)| fs::openat(parent, name.as_slice(), flags, Mode::empty()));
    let file = match opened {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
        other => other?,
    };
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; (walked.tree.entry(at).size as usize + 1).clamp(1, 1 << 20)];
    loop {
        match sci_sys::io::read(&file, &mut buffer[..]) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    let same = walked.is_still(at, &fs::fstat(&file)?);
    Ok(same.then(|| hasher.finalize().into()))
}
