//! The stat cache's file, behind its checksum.
#![no_main]

use sci_fuzz as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_hasher::fs::fuzzing::stat_cache(bytes));
