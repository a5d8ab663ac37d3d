//! What a store that keeps whole files once would grow by.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::FileType;

use super::share;
use super::walk::entries;
use crate::Failure;

/// The sum of zstd -3 of every content of `next` that `first` does not have.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn growth(first: &Path, next: &Path) -> Result<u64, Failure> {
    let digests = each(first, |content| Ok(*blake3::hash(content).as_bytes()))?;
    let known: Mutex<HashSet<[u8; 32]>> = Mutex::new(digests.into_iter().collect());
    let stored = each(next, |content| {
        let new = known.lock().map_err(|_| "a thread panicked")?.insert(*blake3::hash(content).as_bytes());
        Ok(if new { zstd::bulk::compress(content, 3)?.len() as u64 } else { 0 })
    })?;
    Ok(stored.into_iter().sum())
}

fn each<T: Send>(root: &Path, of: impl Fn(&[u8]) -> Result<T, Failure> + Sync) -> Result<Vec<T>, Failure> {
    let mut found = entries(root)?;
    found.retain(|entry| entry.kind == FileType::RegularFile);
    let parts = share(found.len(), |tasks| {
        tasks.map(|task| of(&fs::read(root.join(&found[task].path))?)).collect::<Result<Vec<T>, Failure>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}
