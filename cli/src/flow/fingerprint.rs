//! What stands at a path, by its metadata alone: a fingerprint, by which it is known whether a run touched it at all, and when it
//! was changed.

use sci_hasher::{Digest, Encoder};
use sci_planner::PlannedPath;
use sci_snapshot::Excludes;
use sci_snapshot::tree::{Walked, walk};

use crate::error::{CliError, Kind, Result};
use crate::store;

/// The fingerprint; `None` when there is nothing.
///
/// # Errors
/// [`Kind::Local`] when the tree cannot be read.
pub fn of(path: &PlannedPath) -> Result<Option<Digest>> {
    let Some(walked) = walked(path)? else { return Ok(None) };
    let mut encoder = Encoder::new("sci v1 tree fingerprint");
    for ((index, entry), stat) in walked.tree.entries().zip(walked.stats.iter()) {
        encoder.integer(u64::from(entry.parent)).bytes(walked.tree.name(index));
        encoder.integer(entry.size).integer(stat.inode).integer(stat.ctime as u64);
    }
    Ok(Some(encoder.finish()))
}

/// When anything in it was last changed, nanoseconds since 1970; `None` when there is nothing.
///
/// # Errors
/// As [`of`].
pub fn changed(path: &PlannedPath) -> Result<Option<i64>> {
    Ok(walked(path)?.and_then(|walked| walked.stats.iter().map(|stat| stat.ctime).max()))
}

fn walked(path: &PlannedPath) -> Result<Option<Walked>> {
    let local = |error| CliError { kind: Kind::Local, ..store::engine(&error) };
    let excludes = Excludes::new(&path.policy.exclude).map_err(local)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    walk(&path.place.root, &excludes, None, threads).map_err(local)
}
