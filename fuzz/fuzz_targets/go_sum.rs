//! go.sum and go.mod: read into packages, or refused in one line; and what of the module cache they name.
#![no_main]

use std::path::Path;

use sci_presets::{SharedMembers, lockfiles};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["go.sum", "go.mod"] {
        sci_fuzz::lockfile(name, bytes);
        if let Some(Ok(packages)) = lockfiles::read(Path::new(name), bytes) {
            let members = SharedMembers::of(Path::new(name), &packages).expect("go has a cache");
            assert!(members.contains(Path::new("")) && !members.contains(Path::new("cache/lock")));
        }
    }
});
