//! What several fuzz targets share.
//!
//! A target is a function of bytes that must return, in little time and memory, whatever the bytes are. What it asserts are
//! the promises of the reader, such as that what was read can be written again. The targets know nothing that a reader
//! would not be told: only where a checksum would hide the code behind it, they supply the right one.
//!
//! Every target links this crate, for the allocator in `memory`.

mod memory;

use std::path::Path;

use sci_presets::lockfiles::{self, Graph, LockfileError};

/// Reads a lockfile of the name `name`.
pub fn lockfile(name: &str, bytes: &[u8]) {
    let directories = lockfiles::directories(Path::new(name), bytes);
    assert!(directories.iter().all(|directory| !directory.starts_with('/')), "{directories:?}");
    let read = lockfiles::read(Path::new(name), bytes).expect("the name is known");
    match read {
        Ok(packages) => {
            let text: usize = packages.iter().map(|package| package.name.len() + package.version.len()).sum();
            assert!(text <= 64 * bytes.len(), "{} bytes became {text}", bytes.len());
        }
        Err(LockfileError::TooLarge { .. }) => panic!("{} bytes are not too large", bytes.len()),
        Err(LockfileError::Malformed { reason }) => {
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?} is not one line");
        }
    }
}

/// How many members of one lockfile are followed: each may reach everything.
const MEMBERS: usize = 8;

/// Reads a lockfile of the name `name`, and what its members reach.
pub fn closures(name: &str, bytes: &[u8]) {
    let one_line = |text: &str| assert!(!text.is_empty() && !text.contains('\n'), "{text:?} is not one line");
    let graph = match Graph::read(Path::new(name), bytes) {
        Ok(graph) => graph,
        Err(error) => return one_line(&error.to_string()),
    };
    for member in graph.members().take(MEMBERS) {
        match graph.closure(member) {
            Ok(closure) => {
                let text: usize =
                    closure.packages.iter().map(|package| package.name.len() + package.version.len()).sum();
                assert!(text <= 64 * bytes.len(), "{} bytes became {text}", bytes.len());
            }
            Err(error) => one_line(&error.to_string()),
        }
    }
}
