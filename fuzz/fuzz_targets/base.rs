//! What this machine remembers of a tree: the file `base`, behind its checksum.
#![no_main]

use sci_fuzz as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_snapshot::fuzzing::base(bytes));
